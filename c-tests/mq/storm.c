/* Senders and receivers of one queue in shared memory use all kinds of calls and are killed at random moments. The
 * number of messages sent equals the number received plus those that died with their receivers. No message arrives
 * twice or torn, each sender's messages arrive in order, and nobody hangs.
 *
 *   mq_storm [MESSAGES [KILLS [SEED]]]      make check-all calls it with ten million
 */
#include "queue.h"

enum {
  SENDERS = 3,
  RECEIVERS = 3,
  CHUNK = 512,       /* message numbers that a sender takes at once */
  LEVELS = 4,
  LONG = 9000,       /* copied outside the latch */
  BATCH = 40         /* more than one section's worth */
};

typedef struct {
  uint32_t number, life, length, check;
  unsigned char bytes[LONG];
} Message;

enum { NOT_SENT, BEGUN, SENT };

typedef struct {
  _Atomic uint32_t chunks;         /* taken by senders */
  _Atomic uint32_t total;          /* received */
  _Atomic int stopping;
  _Atomic int taking[RECEIVERS];   /* how many messages each receiver may be about to take */
  uint32_t goal;
  uint32_t chunks_max;
  _Atomic unsigned char *state;    /* of each message number */
  _Atomic unsigned char *received;
  unsigned char *priorities;
} Shared;

static Shared *shared;
static const char *name;
static uint64_t seed;

static uint32_t random_below(uint64_t *state, uint32_t bound) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (uint32_t)((*state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % bound;
}

static uint32_t checksum(const Message *message) {
  uint32_t sum = message->number * 31 + message->life;
  for (uint32_t i = 0; i < message->length; i += 61) sum = sum * 31 + message->bytes[i];
  return sum;
}

/* ---- senders ---- */

static uint32_t numbers, numbers_end; /* messages that this sender has still to send */

static uint32_t next_number(void) {
  if (numbers == numbers_end) {
    uint32_t chunk = shared->chunks++;
    if (chunk >= shared->chunks_max)
      for (;;) pause();
    numbers = chunk * CHUNK;
    numbers_end = numbers + CHUNK;
  }
  return numbers++;
}

static size_t compose(Message *message, uint32_t life, uint64_t *random, unsigned *priority) {
  uint32_t number = next_number();
  message->number = number;
  message->life = life;
  message->length = random_below(random, 40) == 0 ? LONG : random_below(random, 48);
  memset(message->bytes, (int)(number + life), message->length);
  message->check = checksum(message);
  *priority = random_below(random, 8) == 0 ? random_below(random, LEVELS) : 0;
  shared->priorities[number] = (unsigned char)*priority;
  shared->state[number] = BEGUN;
  return offsetof(Message, bytes) + message->length;
}

/* Repeats until the message is sent, or nobody wants it any more. */
static void send_one(ipc_mq_t *mq, uint32_t life, uint64_t *random) {
  static Message message;
  unsigned priority;
  size_t length = compose(&message, life, random, &priority);
  int result;
  do result = ipc_mq_send(mq, &message, length, priority, 50 * MILLISECOND);
  while (result == -ETIMEDOUT && !shared->stopping);
  if (result == -ETIMEDOUT) return;
  CHECK_EQUAL(result, 0);
  shared->state[message.number] = SENT;
}

static void send_in_place(ipc_mq_t *mq, uint32_t life, uint64_t *random) {
  Message *message = NULL;
  int result = ipc_mq_reserve(mq, (void **)&message, 50 * MILLISECOND);
  if (result == -ETIMEDOUT) return;
  CHECK_EQUAL(result, 0);
  if (random_below(random, 8) == 0) {
    CHECK_EQUAL(ipc_mq_abandon(mq, message), 0);
    return;
  }
  unsigned priority;
  size_t length = compose(message, life, random, &priority);
  uint32_t number = message->number;
  if (random_below(random, 4) == 0) sched_yield();
  CHECK_EQUAL(ipc_mq_commit(mq, message, length, priority), 0);
  shared->state[number] = SENT;
}

static void send_batch(ipc_mq_t *mq, uint32_t life, uint64_t *random) {
  static Message messages[BATCH];
  ipc_mq_message_t described[BATCH];
  int count = 1 + (int)random_below(random, BATCH);
  for (int i = 0; i < count; i++) {
    described[i].data = &messages[i];
    described[i].len = compose(&messages[i], life, random, &described[i].priority);
  }
  for (int done = 0; done < count && !shared->stopping;) {
    ssize_t sent = ipc_mq_send_many(mq, described + done, (size_t)(count - done), 50 * MILLISECOND);
    if (sent == -ETIMEDOUT) continue;
    CHECK(sent > 0 && sent <= count - done);
    for (ssize_t i = 0; i < sent; i++) shared->state[messages[done++].number] = SENT;
  }
}

static void sender(void *argument) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  uint32_t life = (uint32_t)(intptr_t)argument;
  uint64_t random = seed + life + 1;
  ipc_mq_t *mq = join_queue(name, 0);
  numbers = numbers_end = 0;
  while (!shared->stopping) {
    switch (random_below(&random, 8)) {
      case 0: send_in_place(mq, life, &random); break;
      case 1: send_batch(mq, life, &random); break;
      default: send_one(mq, life, &random);
    }
  }
  for (;;) pause();
}

/* ---- receivers ---- */

/* For each priority: the sender of the last message, and that message's number. The numbers of one life of a sender
 * only rise. */
static struct {
  uint32_t life, number;
} last[64][LEVELS];

/* `redeliveries` is the count that the queue reports, or -1. */
static void check_message(const Message *message, size_t length, unsigned priority, int redeliveries) {
  CHECK(length >= offsetof(Message, bytes));
  CHECK(message->length <= LONG);
  CHECK_EQUAL(length, offsetof(Message, bytes) + message->length);
  CHECK_EQUAL(message->check, checksum(message));
  CHECK(message->number < shared->chunks_max * CHUNK);
  CHECK(shared->state[message->number] != NOT_SENT);
  CHECK_EQUAL(priority, shared->priorities[message->number]);
  if (redeliveries != 0) return;
  uint32_t life = message->life;
  if (last[life % 64][priority].life == life && last[life % 64][priority].number >= message->number)
    test_failed(
      __FILE__, __LINE__, "message %u of life %u comes after %u", message->number, life,
      last[life % 64][priority].number);
  last[life % 64][priority].life = life;
  last[life % 64][priority].number = message->number;
}

static void note(uint32_t number) {
  if (shared->received[number]++ != 0) test_failed(__FILE__, __LINE__, "message %u comes again", number);
  shared->total++;
}

static int is_nothing(ssize_t result) { return result == -ETIMEDOUT || result == -EAGAIN; }

/* Takes one or several messages, as receiver `place`. Returns how many. */
static int receive_one(ipc_mq_t *mq, int place, int64_t timeout_ns) {
  static Message message;
  unsigned priority = 99;
  shared->taking[place] = 1;
  ssize_t length = ipc_mq_receive(mq, &message, sizeof message, &priority, timeout_ns);
  int count = 0;
  if (!is_nothing(length)) {
    CHECK(length >= 0);
    check_message(&message, (size_t)length, priority, -1);
    note(message.number);
    count = 1;
  }
  shared->taking[place] = 0;
  return count;
}

static int receive_in_place(ipc_mq_t *mq, int place, int64_t timeout_ns) {
  const Message *message = NULL;
  unsigned priority = 99, redeliveries = 99;
  ssize_t length = ipc_mq_borrow(mq, (const void **)&message, &priority, &redeliveries, timeout_ns);
  if (is_nothing(length)) return 0;
  CHECK(length >= 0);
  check_message(message, (size_t)length, priority, (int)redeliveries);
  uint32_t number = message->number;
  if (number % 4 == 0) sched_yield();
  /* If this process dies before this line, the message is delivered again. */
  shared->taking[place] = 1;
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  note(number);
  shared->taking[place] = 0;
  return 1;
}

static int receive_batch(ipc_mq_t *mq, int place, int64_t timeout_ns) {
  static Message messages[BATCH];
  ipc_mq_message_t described[BATCH];
  for (int i = 0; i < BATCH; i++) described[i] = (ipc_mq_message_t){ .data = &messages[i], .len = sizeof(Message) };
  shared->taking[place] = BATCH;
  ssize_t count = ipc_mq_receive_many(mq, described, BATCH, timeout_ns);
  if (is_nothing(count)) count = 0;
  CHECK(count >= 0);
  for (ssize_t i = 0; i < count; i++) {
    check_message(&messages[i], described[i].len, described[i].priority, (int)described[i].redeliveries);
    note(messages[i].number);
  }
  shared->taking[place] = 0;
  return (int)count;
}

static int receive_some(ipc_mq_t *mq, int place, uint32_t how, int64_t timeout_ns) {
  switch (how) {
    case 0: return receive_in_place(mq, place, timeout_ns);
    case 1: return receive_batch(mq, place, timeout_ns);
    default: return receive_one(mq, place, timeout_ns);
  }
}

static void receiver(void *argument) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int place = (int)(intptr_t)argument;
  uint64_t random = (uint64_t)getpid() + 1;
  ipc_mq_t *mq = join_queue(name, 0);
  memset(last, 0xff, sizeof last);
  while (!shared->stopping) receive_some(mq, place, random_below(&random, 8), 50 * MILLISECOND);
  for (;;) pause();
}

/* Kills a receiver. Returns how many messages may have died with it. */
static int kill_receiver(pid_t child, int place) {
  KILL(child);
  int taken = shared->taking[place];
  shared->taking[place] = 0;
  return taken;
}

int main(int count, char **arguments) {
  uint32_t messages = is_under_valgrind() ? 3000 : UNDER_SANITIZERS ? 50000 : 200000;
  int kills = is_under_valgrind() ? 20 : 150;
  seed = (uint64_t)now_ns() | 1;
  if (count > 1) messages = (uint32_t)strtoul(arguments[1], NULL, 10);
  if (count > 2) kills = atoi(arguments[2]);
  if (count > 3) seed = strtoull(arguments[3], NULL, 10);
  uint64_t random = seed;
  printf("%u messages, %d kills, seed %" PRIu64 "\n", messages, kills, seed);

  shared = shared_memory(sizeof *shared);
  shared->goal = messages;
  /* A dead sender leaves a chunk of unsent numbers. */
  shared->chunks_max = messages / CHUNK + (uint32_t)kills + 2 * SENDERS + 2;
  size_t numbers_max = (size_t)shared->chunks_max * CHUNK;
  shared->state = shared_memory(numbers_max);
  shared->received = shared_memory(numbers_max);
  shared->priorities = shared_memory(numbers_max);
  name = unique_name("storm");
  ipc_mq_t *mq = make_queue(name, 64, sizeof(Message));

  pid_t children[SENDERS + RECEIVERS];
  intptr_t lives = 0;
  int may_be_lost = 0;
  for (int i = 0; i < SENDERS; i++) children[i] = start(sender, (void *)lives++);
  for (int i = 0; i < RECEIVERS; i++) children[SENDERS + i] = start(receiver, (void *)(intptr_t)i);
  for (int done = 0; done <= kills; done++) {
    /* Messages still pass through the queue, so nobody hangs. */
    uint32_t goal = (uint32_t)((uint64_t)messages * (unsigned)(done + 1) / (unsigned)(kills + 1));
    uint32_t seen = shared->total;
    /* pace: a child that may be killed cannot report that the goal is reached, so this has to ask. */
    for (int64_t end = now_ns() + PATIENCE; shared->total < goal; usleep(50)) {
      if (shared->total != seen) {
        seen = shared->total;
        end = now_ns() + PATIENCE;
      }
      if (now_ns() > end) test_failed(__FILE__, __LINE__, "nothing goes through after %d kills", done);
      /* A child that failed has printed the reason. */
      int status;
      if (waitpid(-1, &status, WNOHANG) > 0) test_failed(__FILE__, __LINE__, "a child ended by itself: %#x", status);
    }
    if (done == kills) break;
    uint32_t victim = random_below(&random, SENDERS + RECEIVERS);
    if (victim < SENDERS) {
      KILL(children[victim]);
      children[victim] = start(sender, (void *)lives++);
    } else {
      int place = (int)victim - SENDERS;
      may_be_lost += kill_receiver(children[victim], place);
      children[victim] = start(receiver, (void *)(intptr_t)place);
    }
  }
  shared->stopping = 1;
  for (int i = 0; i < SENDERS; i++) KILL(children[i]);
  for (int i = 0; i < RECEIVERS; i++) may_be_lost += kill_receiver(children[SENDERS + i], i);
  uint32_t before = shared->total;
  while (receive_some(mq, 0, before % 3, 0) > 0) {}

  uint32_t sent = 0, received = 0, lost = 0, unfinished = 0;
  for (size_t number = 0; number < numbers_max; number++) {
    int state = shared->state[number], times = shared->received[number];
    sent += state == SENT;
    received += (uint32_t)times;
    if (state == SENT && times == 0) lost++;
    if (state == BEGUN && times == 1) unfinished++;
    if (times > 1 || (state == NOT_SENT && times > 0))
      test_failed(__FILE__, __LINE__, "message %zu: state %d, received %d times", number, state, times);
  }
  ipc_mq_stat_t stat = stat_of(mq);
  printf(
    "%u sent, %u received (%u of the unfinished, %u at the end), %u lost of %d that dead receivers may have had\n",
    sent, received, unfinished, shared->total - before, lost, may_be_lost);
  printf(
    "%" PRIu64 " repairs, %" PRIu64 " redelivered, %" PRIu64 " abandoned\n", stat.repairs, stat.redelivered,
    stat.abandoned);
  CHECK_EQUAL(sent + unfinished, received + lost);
  CHECK(lost <= (uint32_t)may_be_lost);
  expect_all_room(mq, 64);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
