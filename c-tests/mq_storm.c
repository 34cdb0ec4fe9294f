/* Senders and receivers of one queue in shared memory are killed at random moments: every message
 * whose send returned is received exactly once or died with the receiver that had taken it, and
 * no message is torn. */
#include "test.h"

enum { SENDERS = 3, RECEIVERS = 3, KILLS = 120, LIVES = SENDERS + KILLS, PER_LIFE = 600000, LONG = 4096 };

typedef struct {
  uint32_t life, number, length, check;
  unsigned char bytes[LONG];
} Message;

typedef struct {
  volatile unsigned sent[LIVES]; /* how many sends of this life have returned */
  volatile unsigned total;       /* messages received by all */
  volatile int stopping;
  volatile unsigned char received[LIVES][PER_LIFE];
} Shared;

static Shared *shared;
static const char *name;

static uint32_t random_below(uint64_t *state, uint32_t bound) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (uint32_t)((*state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % bound;
}

static uint32_t checksum(const Message *message) {
  uint32_t sum = message->life * 31 + message->number;
  for (uint32_t i = 0; i < message->length; i++) sum = sum * 31 + message->bytes[i];
  return sum;
}

static ipc_mq_t *open_queue(void) {
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), IPC_OPENED);
  return mq;
}

static void sender(void *argument) {
  uint32_t life = (uint32_t)(intptr_t)argument;
  uint64_t random = life + 1;
  ipc_mq_t *mq = open_queue();
  static Message message;
  for (uint32_t number = 0; number < PER_LIFE && !shared->stopping; number++) {
    message.life = life;
    message.number = number;
    /* Now and then so long that it is copied outside the latch. */
    message.length = random_below(&random, 20) == 0 ? LONG : random_below(&random, 64);
    memset(message.bytes, (int)(number + life), message.length);
    message.check = checksum(&message);
    size_t length = offsetof(Message, bytes) + message.length;
    int result;
    do
      result = ipc_mq_send(mq, &message, length, random_below(&random, 4), 50 * MILLISECOND);
    while (result == -ETIMEDOUT && !shared->stopping);
    if (result == -ETIMEDOUT) break;
    CHECK_EQUAL(result, 0);
    shared->sent[life] = number + 1;
  }
  for (;;) pause();
}

/* Takes one message and notes it; 0 when there is none. */
static int take(ipc_mq_t *mq, int64_t timeout_ns) {
  static Message message;
  ssize_t length = ipc_mq_receive(mq, &message, sizeof message, NULL, timeout_ns);
  if (length == -ETIMEDOUT || length == -EAGAIN) return 0;
  CHECK(length >= (ssize_t)offsetof(Message, bytes));
  CHECK_EQUAL(length, offsetof(Message, bytes) + message.length);
  CHECK(message.life < LIVES && message.number < PER_LIFE);
  CHECK_EQUAL(message.check, checksum(&message));
  __atomic_add_fetch(&shared->received[message.life][message.number], 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&shared->total, 1, __ATOMIC_SEQ_CST);
  return 1;
}

static void receiver(void *unused) {
  (void)unused;
  ipc_mq_t *mq = open_queue();
  while (!shared->stopping) take(mq, 50 * MILLISECOND);
  for (;;) pause();
}

int main(void) {
  uint64_t seed = (uint64_t)now_ns() | 1, random = seed;
  printf("seed %" PRIu64 "\n", seed);
  int kills = is_under_valgrind() ? 20 : KILLS;
  shared = shared_memory(sizeof *shared);
  name = unique_name("mq-storm");
  ipc_mq_attr_t attr = { .max_messages = 16, .message_size = sizeof(Message) };
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);

  pid_t children[SENDERS + RECEIVERS];
  intptr_t lives = 0;
  unsigned dead_receivers = 0;
  for (int i = 0; i < SENDERS; i++) children[i] = start(sender, (void *)lives++);
  for (int i = SENDERS; i < SENDERS + RECEIVERS; i++) children[i] = start(receiver, NULL);
  for (int kill_number = 0; kill_number < kills; kill_number++) {
    /* Messages still go through: nobody is stuck. */
    unsigned goal = shared->total + 1 + random_below(&random, 200);
    int64_t end = now_ns() + PATIENCE;
    while ((int)(shared->total - goal) < 0) {
      if (now_ns() > end) test_failed(__FILE__, __LINE__, "nothing goes through after %d kills", kill_number);
      sched_yield();
    }
    uint32_t victim = random_below(&random, SENDERS + RECEIVERS);
    KILL(children[victim]);
    if (victim < SENDERS) {
      children[victim] = start(sender, (void *)lives++);
    } else {
      dead_receivers++;
      children[victim] = start(receiver, NULL);
    }
  }
  shared->stopping = 1;
  for (int i = 0; i < SENDERS + RECEIVERS; i++) {
    if (i >= SENDERS) dead_receivers++;
    KILL(children[i]);
  }
  while (take(mq, 0)) {}

  unsigned lost = 0;
  for (intptr_t life = 0; life < lives; life++) {
    for (unsigned number = 0; number < PER_LIFE; number++) {
      unsigned times = shared->received[life][number];
      unsigned sent = shared->sent[life];
      if (times > 1 || (times == 1 && number > sent))
        test_failed(__FILE__, __LINE__, "message %u of life %d: %u times, %u sent", number, (int)life, times, sent);
      if (times == 0 && number < sent) lost++;
    }
  }
  printf("%u received, %u lost with %u dead receivers\n", shared->total, lost, dead_receivers);
  CHECK(lost <= dead_receivers);
  ipc_mq_attr_t now;
  CHECK_EQUAL(ipc_mq_getattr(mq, &now), 0);
  CHECK_EQUAL(now.current_messages, 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
