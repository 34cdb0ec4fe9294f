/* Topics. A sample whose send or commit returned is published once, in order; a subscriber gets every sample or counts it as missed; no
 * sample is torn; no slot, no place and no borrowed sample of a dead process is lost; a topic that waits waits for nobody that is
 * dead. */
#include "victim.h"

#include <sys/mman.h>

enum { CAPACITY = 4, LARGE = 9000, SMALL = 64, PLACES = 6, IDS = 512, VICTIMS = 400 };

typedef struct { uint64_t id, length; unsigned char bytes[LARGE - 16]; } Sample;

struct place {
  _Atomic unsigned char begun[IDS], sent[IDS], seen[IDS];
  _Atomic int next;    /* counts the ids of the survivors */
  _Atomic int victims; /* counts the ids of the victims */
  _Atomic uint64_t accounted; /* the number of the sample that survivor 0 has taken last */
  _Atomic int finished; /* how many samples the survivors have sent in `check_waiting` */
  int waits;
};

_Static_assert(sizeof(struct place) <= sizeof arena->place, "the arena has no room for it");

static struct place *place(void) { return (struct place *)arena->place; }

static ipc_topic_t *out, *in; /* this process's publisher and subscriber */
static Sample sample, taken;
static uint64_t own;
static void *reserved;
static const void *borrowed;
static long result;

static void compose(uint64_t id, size_t length) {
  memset(&sample, (int)(id * 3 + 1) & 0xff, length);
  sample.id = id;
  sample.length = length;
  place()->begun[id] = 1;
}

/* Checks that a sample is whole. */
static void check_sample(const Sample *found, size_t length) {
  EXPECT(length >= 16 && found->length == length && found->id < IDS, "a torn sample of %zu bytes", length);
  EXPECT(place()->begun[found->id], "sample %d was never sent", (int)found->id);
  for (size_t i = 0; i < length - 16; i++)
    EXPECT(found->bytes[i] == ((found->id * 3 + 1) & 0xff), "sample %d is torn at byte %zu", (int)found->id, i);
}

static const char *topic_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-topic", arena->name);
  return name;
}

static int open_topic(ipc_topic_t **topic, const char *name, int flags) {
  ipc_topic_attr_t attr = {
    .sample_size = sizeof(Sample), .capacity = CAPACITY, .history = 0, .max_subscribers = PLACES, .max_publishers = PLACES,
    .max_borrowed = 2, .flags = place()->waits ? IPC_TOPIC_WAIT : 0,
  };
  return ipc_topic_open(topic, name, flags & IPC_CREATE ? &attr : NULL, flags, 0640);
}

static void close_both(void) {
  if (out != NULL) EXPECT_EQUAL(ipc_topic_close(out), 0);
  if (in != NULL) EXPECT_EQUAL(ipc_topic_close(in), 0);
  out = in = NULL;
}

static void open_both(void) {
  EXPECT_EQUAL(open_topic(&out, topic_name(), IPC_WRITE_ONLY), IPC_OPENED);
  EXPECT_EQUAL(open_topic(&in, topic_name(), IPC_READ_ONLY), IPC_OPENED);
}

/* Opens the topic of this round, in processes that live longer than one round. */
static void use_publisher(void) {
  if (out != NULL && ipc_topic_stale(out) == 0) return;
  if (out != NULL) EXPECT_EQUAL(ipc_topic_close(out), 0);
  EXPECT_EQUAL(open_topic(&out, topic_name(), IPC_WRITE_ONLY), IPC_OPENED);
}

/* ---- survivor 0 accounts for every sample ---- */

static bool account_one(int64_t timeout_ns) {
  ipc_sample_t info;
  ssize_t length = ipc_topic_receive(in, &taken, sizeof taken, &info, timeout_ns);
  if (length == -EAGAIN) return false;
  EXPECT(length >= 0, "survivor 0 cannot receive: %s", ipc_last_error());
  EXPECT_EQUAL(info.number, place()->accounted + info.missed + 1);
  if (place()->waits) EXPECT_EQUAL(info.missed, 0);
  place()->accounted = info.number;
  check_sample(&taken, (size_t)length);
  EXPECT(++place()->seen[taken.id] == 1, "sample %d came twice", (int)taken.id);
  return true;
}

static void account(void) {
  while (account_one(0)) {}
}

static void set_up_as(int waits) {
  ipc_topic_unlink(topic_name());
  close_both();
  place()->waits = waits;
  EXPECT_EQUAL(open_topic(&out, topic_name(), IPC_CREATE | IPC_EXCLUSIVE | IPC_WRITE_ONLY), IPC_CREATED);
  EXPECT_EQUAL(open_topic(&in, topic_name(), IPC_READ_ONLY), IPC_OPENED);
}

static void set_up(void) { set_up_as(0); }
static void set_up_waiting(void) { set_up_as(1); }

static int send_new(size_t length, int64_t timeout_ns) {
  uint64_t id = (uint64_t)++place()->next;
  EXPECT(id < VICTIMS, "too many samples");
  compose(id, length);
  int sent = ipc_topic_send(out, &sample, length, timeout_ns);
  if (sent == 0) place()->sent[id] = 1;
  return sent;
}

static void set_up_two(void) {
  set_up();
  EXPECT_EQUAL(send_new(SMALL, 0), 0);
  EXPECT_EQUAL(send_new(LARGE, 0), 0);
}

/* As many samples as the topic keeps, which survivor 0 has not taken. */
static void set_up_full(void) {
  set_up_waiting();
  for (int i = 0; i < CAPACITY; i++) EXPECT_EQUAL(send_new(SMALL, 0), 0);
}

/* ---- the victim ---- */

static void warm_up(void) {
  open_both();
  own = (uint64_t)(VICTIMS + place()->victims++);
}

static void close_subscriber(void) {
  EXPECT_EQUAL(ipc_topic_close(in), 0);
  in = NULL;
}

static void prepare_send(void) {
  warm_up();
  close_subscriber();
  compose(own, SMALL);
}

static void prepare_send_large(void) {
  warm_up();
  close_subscriber();
  compose(own, LARGE);
}

static void prepare_commit(void) {
  prepare_send_large();
  EXPECT_EQUAL(ipc_topic_reserve(out, &reserved, LARGE, arena->patience_ns), 0);
  memcpy(reserved, &sample, LARGE);
}

/* The victim subscribes before the samples that it takes are sent. */
static void prepare_take(void) {
  warm_up();
  EXPECT_EQUAL(send_new(SMALL, arena->patience_ns), 0);
  EXPECT_EQUAL(send_new(LARGE, arena->patience_ns), 0);
}

static void prepare_return(void) {
  prepare_take();
  EXPECT(ipc_topic_borrow(in, &borrowed, NULL, 0) >= 0, "the victim cannot borrow");
}

/* The victim is a subscriber for which the others wait. */
static void prepare_slow(void) {
  warm_up();
  for (int i = 0; i < CAPACITY; i++) EXPECT_EQUAL(send_new(SMALL, 0), 0);
}

static void run_send(void) { result = ipc_topic_send(out, &sample, sample.length, arena->patience_ns); }
static void run_reserve(void) { result = ipc_topic_reserve(out, &reserved, LARGE, arena->patience_ns); }
static void run_commit(void) { result = ipc_topic_commit(out, reserved, LARGE); }
static void run_abandon(void) { result = ipc_topic_abandon(out, reserved); }
static void run_receive(void) { result = ipc_topic_receive(in, &taken, sizeof taken, NULL, arena->patience_ns); }
static void run_borrow(void) { result = ipc_topic_borrow(in, &borrowed, NULL, arena->patience_ns); }
static void run_return(void) { result = ipc_topic_return(in, borrowed); }

static void run_stat(void) {
  ipc_topic_stat_t stat;
  result = ipc_topic_stat(out, &stat);
}

static void after(void) {
  EXPECT(result >= 0, "the victim's call failed: %s (%s)", ipc_strerror((int)result), ipc_last_error());
}

static void after_send(void) {
  after();
  place()->sent[own] = 1;
  close_both();
}

static void after_reserve(void) {
  after();
  EXPECT_EQUAL(ipc_topic_abandon(out, reserved), 0);
}

static void after_receive(void) {
  after();
  check_sample(&taken, (size_t)result);
}

static void after_borrow(void) {
  after();
  check_sample(borrowed, (size_t)result);
  EXPECT_EQUAL(ipc_topic_return(in, borrowed), 0);
}

/* ---- the survivors ---- */

static void use_topic(void) {
  use_publisher();
  for (int i = 0; i < 6; i++) {
    int sent = send_new(i % 2 ? LARGE : SMALL, arena->patience_ns);
    EXPECT(sent == 0, "a survivor cannot send: %s", ipc_last_error());
    void *room;
    EXPECT_EQUAL(ipc_topic_reserve(out, &room, SMALL, arena->patience_ns), 0);
    EXPECT_EQUAL(ipc_topic_abandon(out, room), 0);
  }
}

/* A subscriber of its own takes what comes, in place. */
static void check_plain(void) {
  ipc_topic_t *own_in;
  ipc_sample_t info;
  use_publisher();
  EXPECT_EQUAL(open_topic(&own_in, topic_name(), IPC_READ_ONLY), IPC_OPENED);
  use_topic();
  uint64_t last = 0;
  for (int i = 0; i < CAPACITY; i++) {
    const void *found;
    ssize_t length = ipc_topic_borrow(own_in, &found, &info, 0);
    EXPECT(length >= 0, "a survivor cannot borrow: %s", ipc_last_error());
    EXPECT(last == 0 || info.number == last + info.missed + 1, "a sample is not accounted for");
    last = info.number;
    check_sample(found, (size_t)length);
    EXPECT_EQUAL(ipc_topic_return(own_in, found), 0);
  }
  EXPECT_EQUAL(ipc_topic_close(own_in), 0);
}

/* In a topic that waits, survivor 0 takes what both send. */
static void check_waiting(void) {
  use_publisher();
  for (int i = 0; i < 6; i++) {
    uint64_t id = (uint64_t)++place()->next;
    compose(id, SMALL);
    for (int64_t end = now_ns() + arena->patience_ns;;) {
      if (in != NULL) account();
      int sent = ipc_topic_send(out, &sample, SMALL, 100000);
      if (sent == 0) break;
      EXPECT(sent == -ETIMEDOUT && now_ns() < end, "a survivor cannot send: %s", ipc_last_error());
    }
    place()->sent[id] = 1;
    place()->finished++;
  }
  for (int64_t end = now_ns() + arena->patience_ns; in != NULL && place()->finished < 12; account())
    EXPECT(now_ns() < end, "the other survivor cannot send");
}

/* While the victim is stopped inside a call that publishes, the others may find the topic busy. */
static void meanwhile_publishing(void) {
  int sent = send_new(SMALL, 0);
  EXPECT(sent == 0 || sent == -EAGAIN, "a survivor's send: %s", ipc_last_error());
}

static void meanwhile_taking(void) { EXPECT_EQUAL(send_new(SMALL, 0), 0); }

static void release_sample(int time) {
  (void)time;
  EXPECT_EQUAL(send_new(SMALL, 0), 0);
}

static void release_room(int time) {
  (void)time;
  EXPECT(account_one(0), "there is no sample to take");
}

/* Survivors 2 and 3. */
static void sleep_receive(void) {
  ipc_topic_t *sleeper;
  EXPECT_EQUAL(open_topic(&sleeper, topic_name(), IPC_READ_ONLY), IPC_OPENED);
  ssize_t length = ipc_topic_receive(sleeper, &taken, sizeof taken, NULL, arena->patience_ns);
  EXPECT(length >= 0, "a sleeper: %s", ipc_last_error());
  check_sample(&taken, (size_t)length);
  EXPECT_EQUAL(ipc_topic_close(sleeper), 0);
}

static void sleep_send(void) {
  use_publisher();
  int sent = send_new(SMALL, arena->patience_ns);
  EXPECT(sent == 0, "a sleeper cannot send: %s", ipc_last_error());
}

static void let_go_waiting(int alive) {
  (void)alive;
  account();
}

static void check_state(void) {
  ipc_topic_stat_t stat;
  EXPECT_EQUAL(ipc_topic_stat(out, &stat), 0);
  EXPECT_EQUAL(stat.reserved_samples, 0);
  EXPECT_EQUAL(stat.borrowed_samples, 0);
  uint64_t kept = stat.published < CAPACITY ? stat.published : CAPACITY;
  EXPECT_EQUAL(stat.slots, stat.free_slots + kept);
  EXPECT_EQUAL(stat.published, place()->accounted);
}

static void settle(int progress) {
  account();
  check_state();
  for (uint64_t id = 1; id < IDS; id++) {
    /* A sample that was sent is one of those that were seen, or one of those that survivor 0 counted as missed. */
    if (place()->waits && place()->sent[id]) EXPECT(place()->seen[id], "sample %d is lost", (int)id);
  }
  if (progress == KILLED_BEFORE) EXPECT(!place()->seen[VICTIMS], "published before it was sent");
}

static void settle_send(int progress) {
  settle(progress);
  if (place()->waits && progress >= KILLED_AFTER) EXPECT(place()->seen[VICTIMS], "sent and not there");
}

/* ---- names ---- */

enum { FOUND, ABSENT };

static const char *warm_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-warm", arena->name);
  return name;
}

static void prepare_named(void) {
  ipc_topic_t *topic;
  EXPECT_EQUAL(open_topic(&topic, warm_name(), IPC_CREATE | IPC_READ_ONLY), IPC_CREATED);
  EXPECT_EQUAL(ipc_topic_unlink(warm_name()), 0);
  EXPECT_EQUAL(ipc_topic_close(topic), 0);
}

static void prepare_close(void) {
  prepare_named();
  EXPECT_EQUAL(open_topic(&in, topic_name(), IPC_READ_ONLY), IPC_OPENED);
}

static void prepare_close_publisher(void) {
  prepare_named();
  EXPECT_EQUAL(open_topic(&out, topic_name(), IPC_WRITE_ONLY), IPC_OPENED);
}

static void set_up_nothing(void) {
  ipc_topic_unlink(topic_name());
  close_both();
}

static void set_up_named(void) {
  set_up();
  close_both();
}

static void run_create(void) { result = open_topic(&out, topic_name(), IPC_CREATE | IPC_WRITE_ONLY); }
static void run_subscribe(void) { result = open_topic(&in, topic_name(), IPC_READ_ONLY); }
static void run_publish(void) { result = open_topic(&out, topic_name(), IPC_WRITE_ONLY); }
static void run_close(void) { result = ipc_topic_close(in); }
static void run_close_publisher(void) { result = ipc_topic_close(out); }
static void run_unlink(void) { result = ipc_topic_unlink(topic_name()); }

static void use_both(void) {
  uint64_t word = 7, found = 0;
  EXPECT_EQUAL(ipc_topic_send(out, &word, sizeof word, arena->patience_ns), 0);
  do EXPECT_EQUAL(ipc_topic_receive(in, &found, sizeof found, NULL, arena->patience_ns), 8);
  while (found != 7);
  close_both();
}

static void let_go_named(int alive) {
  (void)alive;
  int opened = open_topic(&in, topic_name(), IPC_READ_ONLY);
  if (opened == -ENOENT) {
    arena->notes[ABSENT] = 1;
    return;
  }
  EXPECT_EQUAL(opened, IPC_OPENED);
  arena->notes[FOUND] = 1;
  EXPECT_EQUAL(open_topic(&out, topic_name(), IPC_WRITE_ONLY), IPC_OPENED);
  use_both();
}

static void check_named(void) {
  int opened = open_topic(&in, topic_name(), IPC_CREATE | IPC_READ_ONLY);
  EXPECT(opened >= 0, "a survivor cannot open: %s", ipc_last_error());
  opened = open_topic(&out, topic_name(), IPC_WRITE_ONLY);
  EXPECT(opened >= 0, "a survivor cannot open: %s", ipc_last_error());
  use_both();
}

static void meanwhile_named(void) {
  if (open_topic(&in, topic_name(), IPC_READ_ONLY) != IPC_OPENED) return;
  if (open_topic(&out, topic_name(), IPC_WRITE_ONLY) == IPC_OPENED) use_both();
  close_both();
}

static void remove_named(void) {
  EXPECT_EQUAL(ipc_topic_unlink(topic_name()), 0);
  nothing_is_left();
}

static void settle_create(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[ABSENT], "there before it was created");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[FOUND], "created and not there");
  remove_named();
}

static void settle_open(int progress) {
  EXPECT(arena->notes[FOUND], "it is gone, and nobody removed it");
  ipc_topic_stat_t stat;
  EXPECT_EQUAL(open_topic(&out, topic_name(), IPC_WRITE_ONLY), IPC_OPENED);
  EXPECT_EQUAL(ipc_topic_stat(out, &stat), 0);
  if (progress != LEFT_ALIVE) EXPECT_EQUAL(stat.subscribers, 0);
  if (progress != LEFT_ALIVE) EXPECT_EQUAL(stat.publishers, 1);
  close_both();
  remove_named();
}

static void settle_unlink(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[FOUND], "gone before it was removed");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[ABSENT], "removed and still there");
  remove_named();
}

#define PLAIN .check = check_plain, .settle = settle
const struct operation topic_operations[] = {
  {.name = "topic.send", .set_up = set_up_two, .prepare = prepare_send, .run = run_send, .after = after_send,
   .sleep = sleep_receive, .sleepers = 2, .meanwhile = meanwhile_publishing, .stop_is_expensive = true,
   .check = check_plain, .settle = settle_send, .recovery = "topic.send"},
  {.name = "topic.send.large", .set_up = set_up_two, .prepare = prepare_send_large, .run = run_send, .after = after_send,
   .meanwhile = meanwhile_publishing, .stop_is_expensive = true, .check = check_plain, .settle = settle_send,
   .recovery = "topic.stat"},
  {.name = "topic.reserve", .set_up = set_up_two, .prepare = prepare_send, .run = run_reserve, .after = after_reserve,
   .meanwhile = meanwhile_publishing, .stop_is_expensive = true, PLAIN, .recovery = "topic.stat"},
  {.name = "topic.commit", .set_up = set_up_two, .prepare = prepare_commit, .run = run_commit, .after = after_send,
   .sleep = sleep_receive, .sleepers = 1, .meanwhile = meanwhile_publishing, .stop_is_expensive = true,
   .check = check_plain, .settle = settle_send, .recovery = "topic.stat"},
  {.name = "topic.abandon", .set_up = set_up_two, .prepare = prepare_commit, .run = run_abandon, .after = after,
   .meanwhile = meanwhile_publishing, .stop_is_expensive = true, PLAIN, .recovery = "topic.send"},
  {.name = "topic.receive", .set_up = set_up, .prepare = prepare_take, .run = run_receive, .after = after_receive,
   .meanwhile = meanwhile_taking, PLAIN},
  {.name = "topic.receive.sleeping", .set_up = set_up, .prepare = warm_up, .run = run_receive, .after = after_receive,
   .release = release_sample, .meanwhile = meanwhile_taking, PLAIN},
  {.name = "topic.borrow", .set_up = set_up, .prepare = prepare_take, .run = run_borrow, .after = after_borrow,
   .meanwhile = meanwhile_taking, PLAIN, .recovery = "topic.stat"},
  {.name = "topic.return", .set_up = set_up, .prepare = prepare_return, .run = run_return, .after = after,
   .meanwhile = meanwhile_taking, PLAIN},
  {.name = "topic.stat", .set_up = set_up_two, .prepare = prepare_send, .run = run_stat, .after = after,
   .meanwhile = meanwhile_publishing, .stop_is_expensive = true, PLAIN},
  {.name = "topic.send.full", .set_up = set_up_full, .prepare = prepare_send, .run = run_send, .after = after_send,
   .release = release_room, .let_go = let_go_waiting, .check = check_waiting, .settle = settle_send},
  {.name = "topic.receive.awaited", .set_up = set_up_waiting, .prepare = prepare_slow, .run = run_receive,
   .after = after_receive, .sleep = sleep_send, .sleepers = 1, .let_go = let_go_waiting, .settle = settle},
  {.name = "topic.create", .set_up = set_up_nothing, .prepare = prepare_named, .run = run_create, .after = after,
   .let_go = let_go_named, .check = check_named, .settle = settle_create},
  {.name = "topic.open.subscriber", .set_up = set_up_named, .prepare = prepare_named, .run = run_subscribe, .after = after,
   .meanwhile = meanwhile_named, .let_go = let_go_named, .check = check_named, .settle = settle_open,
   .recovery = "topic.open.subscriber"},
  {.name = "topic.open.publisher", .set_up = set_up_named, .prepare = prepare_named, .run = run_publish, .after = after,
   .meanwhile = meanwhile_named, .let_go = let_go_named, .check = check_named, .settle = settle_open},
  {.name = "topic.close", .set_up = set_up_named, .prepare = prepare_close, .run = run_close, .after = after,
   .meanwhile = meanwhile_named, .let_go = let_go_named, .check = check_named, .settle = settle_open},
  {.name = "topic.close.publisher", .set_up = set_up_named, .prepare = prepare_close_publisher, .run = run_close_publisher,
   .after = after, .meanwhile = meanwhile_named, .let_go = let_go_named, .check = check_named, .settle = settle_open},
  {.name = "topic.unlink", .set_up = set_up_named, .prepare = prepare_named, .run = run_unlink, .after = after,
   .meanwhile = meanwhile_named, .let_go = let_go_named, .check = check_named, .settle = settle_unlink},
  {0},
};
