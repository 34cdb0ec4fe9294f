/* A storm of kills: 16 subscribers and 3 publishers are killed again and again at arbitrary moments, and replaced. Every sample is
 * accounted for: an auditor gets all of them whole, in order, each once; whatever was sent is there; every subscriber's gaps add
 * up; and at the end nothing is borrowed, reserved or lost. STORM_KILLS sets the number of kills. */
#include "topic.h"
#include <sys/prctl.h>

enum { SUBSCRIBERS = 16, PUBLISHERS = 3, WORKERS = SUBSCRIBERS + PUBLISHERS, WORDS = 40 };

typedef struct {
  _Atomic uint64_t sent[PUBLISHERS]; /* how many samples the living publisher knows to be sent */
  _Atomic uint64_t taken;            /* by all subscribers */
} Shared;

static const char *name;
static Shared *shared;
static int waits;
static uint32_t random_state = 12345;

static uint32_t random_number(void) { return (random_state = random_state * 1664525 + 1013904223) >> 8; }

/* The value of a sample: which publisher, in which life, and how many of that life were before. */
static uint64_t value_of(int publisher, uint64_t life, uint64_t count) {
  return (uint64_t)publisher << 56 | life << 24 | count;
}

static uint64_t check_whole(const uint64_t *words, ssize_t length) {
  if (length < 8 || length % 8 != 0 || length > WORDS * 8)
    test_failed(__FILE__, __LINE__, "a sample of %zd bytes: %s", length, ipc_last_error());
  for (ssize_t i = 1; i < length / 8; i++) CHECK_EQUAL(words[i], words[0]);
  return words[0];
}

static void publish_on(int which, uint64_t life) {
  ipc_topic_t *topic = publisher(name, NULL);
  for (uint64_t count = 0;; count++) {
    size_t words = 1 + count % WORDS;
    uint64_t sample[WORDS], *place;
    for (size_t i = 0; i < words; i++) sample[i] = value_of(which, life, count);
    int result;
    if (count % 3) {
      result = ipc_topic_send(topic, sample, words * 8, IPC_FOREVER);
    } else {
      result = ipc_topic_reserve(topic, (void **)&place, words * 8, IPC_FOREVER);
      CHECK_EQUAL(result, 0);
      memcpy(place, sample, words * 8);
      /* On a busy machine, a thread inside a call may not run for a second. */
      do result = ipc_topic_commit(topic, place, words * 8);
      while (result == -EAGAIN);
    }
    CHECK_EQUAL(result, 0);
    shared->sent[which]++;
  }
}

static void take_on(int which) {
  ipc_topic_t *topic = subscriber(name);
  uint64_t last = 0;
  for (;;) {
    uint64_t sample[WORDS];
    const void *place;
    ipc_sample_t info;
    ssize_t length;
    if (which % 2) {
      length = ipc_topic_receive(topic, sample, sizeof sample, &info, IPC_FOREVER);
      check_whole(sample, length);
    } else {
      length = ipc_topic_borrow(topic, &place, &info, IPC_FOREVER);
      check_whole(place, length);
      CHECK_EQUAL(ipc_topic_return(topic, place), 0);
    }
    CHECK(last == 0 || info.number == last + info.missed + 1);
    if (waits) CHECK_EQUAL(info.missed, 0);
    last = info.number;
    shared->taken++;
  }
}

static pid_t start_worker(int which, uint64_t life) {
  fflush(NULL);
  pid_t parent = getpid(), child = fork();
  CHECK(child >= 0);
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  if (which < SUBSCRIBERS) take_on(which);
  publish_on(which - SUBSCRIBERS, life);
  exit(0);
}

/* The samples that the auditor has seen of each publisher's life. */
typedef struct {
  uint64_t life, seen;
} Account;

static void account(ipc_topic_t *auditor, Account *accounts, uint64_t *last, int64_t timeout_ns) {
  uint64_t sample[WORDS];
  ipc_sample_t info;
  for (int i = 0; i < 64; i++) {
    ssize_t length = ipc_topic_receive(auditor, sample, sizeof sample, &info, timeout_ns);
    if (length == -EAGAIN || length == -ETIMEDOUT) return;
    uint64_t value = check_whole(sample, length);
    CHECK_EQUAL(info.number, *last + info.missed + 1);
    if (waits) CHECK_EQUAL(info.missed, 0);
    *last = info.number;
    Account *of = &accounts[value >> 56];
    uint64_t life = value >> 24 & 0xffffffff, count = value & 0xffffff;
    CHECK(life >= of->life);
    if (life > of->life) *of = (Account){ .life = life };
    if (waits) CHECK_EQUAL(count, of->seen);
    CHECK(count >= of->seen);
    of->seen = count + 1;
  }
}

static void storm(int kills) {
  ipc_topic_attr_t attr = {
    .sample_size = WORDS * 8, .capacity = 32, .max_subscribers = SUBSCRIBERS + 1, .max_publishers = PUBLISHERS + 1,
    .max_borrowed = 2, .flags = waits ? IPC_TOPIC_WAIT : 0
  };
  ipc_topic_t *keeper = publisher(name, &attr), *auditor = subscriber(name);
  memset(shared, 0, sizeof *shared);
  Account accounts[PUBLISHERS + 1] = { { 0 } };
  uint64_t lives[PUBLISHERS] = { 0 }, last = 0, kept = 0;
  pid_t workers[WORKERS];
  for (int i = 0; i < WORKERS; i++) workers[i] = start_worker(i, 0);
  for (int killed = 0; killed < kills; killed++) {
    uint64_t before = last;
    for (uint32_t some = random_number() % 40; last < before + some;) account(auditor, accounts, &last, PATIENCE);
    int which = (int)(random_number() % (WORKERS + 3));
    if (which >= WORKERS) which -= 3; /* publishers twice as often */
    KILL(workers[which]);
    uint64_t life = 0;
    if (which >= SUBSCRIBERS) {
      int dead = which - SUBSCRIBERS;
      uint64_t value = value_of(PUBLISHERS, 1, kept++);
      /* Repairs what the dead one left. After that, all that was published is in the ring. */
      while (ipc_topic_send(keeper, &value, sizeof value, 0) == -EAGAIN) account(auditor, accounts, &last, 0);
      ipc_topic_stat_t stat = state_of_topic(keeper);
      while (last < stat.published) account(auditor, accounts, &last, PATIENCE);
      if (waits) {
        /* All that it has sent is there. It may have died before it counted its last one. */
        uint64_t sent = shared->sent[dead], seen = accounts[dead].life == lives[dead] ? accounts[dead].seen : 0;
        if (seen != sent && seen != sent + 1)
          test_failed(__FILE__, __LINE__, "publisher %d has sent %d samples, and %d came", dead, (int)sent, (int)seen);
      }
      shared->sent[dead] = 0;
      life = ++lives[dead];
    }
    workers[which] = start_worker(which, life);
  }
  for (int i = 0; i < WORKERS; i++) KILL(workers[i]);
  ipc_topic_stat_t stat = state_of_topic(keeper);
  uint64_t value = value_of(PUBLISHERS, 1, kept++);
  while (ipc_topic_send(keeper, &value, sizeof value, 0) == -EAGAIN) account(auditor, accounts, &last, 0);
  stat = state_of_topic(keeper);
  while (last < stat.published) account(auditor, accounts, &last, 0);
  stat = state_of_topic(keeper);
  CHECK_EQUAL(stat.subscribers, 1);
  CHECK_EQUAL(stat.publishers, 1);
  CHECK_EQUAL(stat.reserved_samples, 0);
  CHECK_EQUAL(stat.borrowed_samples, 0);
  CHECK_EQUAL(stat.slots, stat.free_slots + (stat.published < 32 ? stat.published : 32));
  printf("%d kills, %d samples, %d taken, %d repairs, %d abandoned\n", kills, (int)stat.published, (int)shared->taken,
         (int)stat.repairs, (int)stat.abandoned);
  CHECK_EQUAL(ipc_topic_close(auditor), 0);
  CHECK_EQUAL(ipc_topic_close(keeper), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
}

int main(void) {
  const char *kills = getenv("STORM_KILLS");
  int count = kills != NULL ? atoi(kills) : is_under_valgrind() ? 20 : 200;
  name = topic_name("storm");
  shared = shared_memory(sizeof *shared);
  for (waits = 0; waits < 2; waits++) storm(count / 2);
  return 0;
}
