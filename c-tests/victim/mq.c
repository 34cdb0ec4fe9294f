/* The message queue in shared memory: a message whose send returned is received once, unless who took it
 * died; priorities and order hold; the room of the dead comes back. */
#include "victim.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

enum {
  CAPACITY = 6,
  SIZE = 8300,       /* of a message at most */
  LARGE = 8200,      /* copied while no latch is held */
  MIDDLE = 5,        /* the survivors' priority */
  IDS = 256,
  OLD = 0,           /* messages that are there when the victim begins */
  VICTIMS = 16,      /* those of the first victim, and 8 later those of the second */
  NEW = 32           /* the survivors' */
};

struct message {
  uint32_t id, priority, length, sender;
  unsigned char bytes[SIZE - 16];
};

/* What is known of each message, by its id, and of those who die. */
struct place {
  _Atomic unsigned char begun[IDS], sent[IDS], received[IDS], marked[IDS], held[IDS],
    taken[IDS];                 /* received by victims */
  unsigned char priorities[IDS];
  _Atomic int next;             /* id of the survivors */
  _Atomic int victims;
  _Atomic int taking;           /* how many messages somebody is about to take: if it dies, they may be lost */
  _Atomic int dropping;         /* the same for messages that are dropped to make room */
  _Atomic int disturbed;        /* a survivor was at it while the victim was stopped */
  _Atomic int refused;          /* a survivor found no room after the victim's death */
  int kind;                     /* of queue */
  int watched;                  /* somebody has asked for the descriptor */
  int receivers, senders;       /* that sleep */
  struct {                      /* the queues that are wrong on purpose */
    _Atomic uint32_t lock, head, tail;
    struct { uint32_t id, priority, length, sender; } slots[8];
  } ring;
};

_Static_assert(sizeof(struct place) <= sizeof arena->place, "the arena has no room for it");

static struct place *place(void) { return (struct place *)arena->place; }

/* ---- queues: the library's, and two that are wrong ---- */

enum how { RECEIVE, MANY, BORROW };
enum { NOT_TOLD = 99 }; /* ipc_mq_receive() tells nothing of redeliveries */

struct queue {
  int (*send)(const struct message *message, int64_t timeout_ns);
  ssize_t (*receive)(struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how);
  size_t (*count)(void);
};

static ipc_mq_t *mq;

static int open_mq(int flags) {
  ipc_mq_attr_t attr = {.max_messages = CAPACITY, .message_size = SIZE, .spin_ns = IPC_MQ_NO_SPIN};
  return ipc_mq_open(&mq, arena->name, &attr, flags, 0600);
}

static int send_mq(const struct message *message, int64_t timeout_ns) {
  return ipc_mq_send(mq, message, message->length, message->priority, timeout_ns);
}

static ssize_t receive_mq(
  struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how) {
  if (how == BORROW) {
    const void *borrowed;
    ssize_t length = ipc_mq_borrow(mq, &borrowed, priority, mark, timeout_ns);
    if (length < 0) return length;
    memcpy(message, borrowed, (size_t)length);
    EXPECT_EQUAL(ipc_mq_return(mq, borrowed), 0);
    return length;
  }
  *mark = NOT_TOLD;
  if (how == RECEIVE) return ipc_mq_receive(mq, message, SIZE, priority, timeout_ns);
  ipc_mq_message_t one = {.data = message, .len = SIZE};
  ssize_t count = ipc_mq_receive_many(mq, &one, 1, timeout_ns);
  if (count < 0) return count;
  EXPECT_EQUAL(count, 1);
  *priority = one.priority;
  *mark = one.redeliveries;
  return (ssize_t)one.len;
}

static size_t count_mq(void) {
  ipc_mq_attr_t attr;
  EXPECT_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  return attr.current_messages;
}

static const struct queue sound = {send_mq, receive_mq, count_mq};

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void put_in_ring(const struct message *message, uint32_t at) {
  place()->ring.slots[at % 8].id = message->id;
  place()->ring.slots[at % 8].priority = message->priority;
  place()->ring.slots[at % 8].length = message->length;
  place()->ring.slots[at % 8].sender = message->sender;
}

static ssize_t take_from_ring(struct message *message, unsigned *priority, uint32_t at) {
  message->id = place()->ring.slots[at % 8].id;
  message->priority = *priority = place()->ring.slots[at % 8].priority;
  message->sender = place()->ring.slots[at % 8].sender;
  return message->length = place()->ring.slots[at % 8].length;
}

static size_t count_ring(void) { return place()->ring.tail - place()->ring.head; }

/* A lock whose owner's death nobody learns of. */
static int lock_ring(int64_t timeout_ns) {
  uint32_t free_word = 0;
  for (int64_t end = now_ns() + timeout_ns; !atomic_compare_exchange_strong(&place()->ring.lock, &free_word, 1);) {
    if (timeout_ns == 0 || (timeout_ns > 0 && now_ns() >= end)) return timeout_ns == 0 ? -EAGAIN : -ETIMEDOUT;
    free_word = 0;
    sched_yield();
  }
  return 0;
}

static int send_locked(const struct message *message, int64_t timeout_ns) {
  int result = lock_ring(timeout_ns);
  if (result < 0) return result;
  if (count_ring() < CAPACITY) {
    put_in_ring(message, place()->ring.tail);
    place()->ring.tail++;
  } else {
    result = -EAGAIN;
  }
  place()->ring.lock = 0;
  return result;
}

static ssize_t receive_locked(
  struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how) {
  (void)how;
  *mark = 0;
  ssize_t result = lock_ring(timeout_ns);
  if (result < 0) return result;
  if (count_ring() > 0) {
    result = take_from_ring(message, priority, place()->ring.head);
    place()->ring.head++;
  } else {
    result = -EAGAIN;
  }
  place()->ring.lock = 0;
  return result;
}

static const struct queue locked = {send_locked, receive_locked, count_ring};

/* A ring that is published in two steps, of which the first may be the last. */
static int send_hasty(const struct message *message, int64_t timeout_ns) {
  (void)timeout_ns;
  if (count_ring() >= CAPACITY) return -EAGAIN;
  uint32_t at = place()->ring.tail++;
  put_in_ring(message, at);
  return 0;
}

static ssize_t receive_hasty(
  struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how) {
  (void)timeout_ns;
  (void)how;
  *mark = 0;
  uint32_t head = place()->ring.head;
  do
    if (head == place()->ring.tail) return -EAGAIN;
  while (!atomic_compare_exchange_strong(&place()->ring.head, &head, head + 1));
  return take_from_ring(message, priority, head);
}

static const struct queue hasty = {send_hasty, receive_hasty, count_ring};

enum { SOUND, LOCKED, HASTY };
static const struct queue *const queues[] = {&sound, &locked, &hasty};
static const struct queue *queue = &sound;
static uint32_t last_rank; /* of the old messages that this process received in this phase */

/* At the beginning of each phase: the queue of this round. */
static void use_queue(void) {
  last_rank = 0;
  queue = queues[place()->kind];
  if (queue != &sound) return;
  if (mq != NULL) {
    if (ipc_mq_stale(mq) == 0) return;
    EXPECT_EQUAL(ipc_mq_close(mq), 0);
    mq = NULL;
  }
  EXPECT_EQUAL(open_mq(0), IPC_OPENED);
}

/* ---- messages ---- */

static void compose(struct message *message, int id, unsigned priority, size_t length) {
  message->id = (uint32_t)id;
  message->priority = priority;
  message->length = (uint32_t)length;
  message->sender = (uint32_t)getpid();
  memset(message->bytes, id, length - 16);
  place()->priorities[id] = (unsigned char)priority;
}

static int send_one(int id, unsigned priority, size_t length, int64_t timeout_ns) {
  static struct message message;
  compose(&message, id, priority, length);
  place()->begun[id] = 1;
  int result = queue->send(&message, timeout_ns);
  if (result == 0) place()->sent[id] = 1;
  return result;
}

static int new_id(void) {
  int id = NEW + place()->next++;
  EXPECT(id < IDS, "too many messages");
  return id;
}

static int send_new(int64_t timeout_ns) { return send_one(new_id(), MIDDLE, 40, timeout_ns); }

/* One that is copied while no latch is held, in a slot that is reserved. */
static int send_large(int64_t timeout_ns) { return send_one(new_id(), MIDDLE, LARGE, timeout_ns); }

/* Of the message that is to come earlier the lower. */
static uint32_t rank(uint32_t id) { return (uint32_t)(255 - place()->priorities[id]) << 8 | id; }

static void look_at(const struct message *message, size_t length, unsigned priority, unsigned mark) {
  EXPECT(length >= 16 && message->id < IDS, "not a message: %zu bytes, id %" PRIu32, length, message->id);
  EXPECT_EQUAL(length, message->length);
  EXPECT_EQUAL(priority, message->priority);
  if (queue == &sound)
    for (size_t i = 0; i < length - 16; i++)
      EXPECT(message->bytes[i] == message->id, "message %" PRIu32 " is torn at byte %zu", message->id, i);
  EXPECT(place()->begun[message->id], "message %" PRIu32 " was never sent", message->id);
  EXPECT_EQUAL(priority, place()->priorities[message->id]);
  if (mark > 0) place()->marked[message->id] = (unsigned char)mark;
  if (message->id < VICTIMS) {
    EXPECT(rank(message->id) >= last_rank, "message %" PRIu32 " comes too late", message->id);
    last_rank = rank(message->id);
  }
}

static void note(uint32_t id) {
  EXPECT(++place()->received[id] == 1, "message %" PRIu32 " is received twice", id);
}

/* Receives one message; what the queue returned. */
static ssize_t take_one(struct message *message, int64_t timeout_ns, enum how how) {
  unsigned priority = 0, mark = 0;
  ssize_t length = queue->receive(message, &priority, &mark, timeout_ns, how);
  if (length < 0) return length;
  look_at(message, (size_t)length, priority, mark);
  note(message->id);
  return length;
}

/* ---- set_up ---- */

static void set_up_queue(int kind) {
  place()->kind = kind;
  last_rank = 0;
  queue = queues[kind];
  if (queue != &sound) return;
  if (ipc_mq_unlink(arena->name, 0) < 0) shm_unlink(arena->name); /* another kind of object */
  if (mq != NULL) EXPECT_EQUAL(ipc_mq_close(mq), 0);
  EXPECT_EQUAL(open_mq(IPC_CREATE | IPC_EXCLUSIVE), IPC_CREATED);
}

static void set_up_with(int count, const unsigned *priorities, size_t length) {
  set_up_queue(SOUND);
  for (int i = 0; i < count; i++) EXPECT_EQUAL(send_one(OLD + i, priorities[i], length, 0), 0);
}

static void set_up_empty(void) { set_up_with(0, NULL, 0); }
static void set_up_some(void) { set_up_with(3, (unsigned[]){5, 5, 1}, 40); }
static void set_up_levels(void) { set_up_with(4, (unsigned[]){1, 5, 7, 5}, 40); }
static void set_up_one(void) { set_up_with(1, (unsigned[]){7}, 40); }
static void set_up_full(void) { set_up_with(CAPACITY, (unsigned[]){5, 1, 1, 7, 5, 7}, 40); }
static void set_up_large(void) { set_up_with(3, (unsigned[]){5, 7, 5}, LARGE); }

static void set_up_receivers(void) {
  set_up_empty();
  place()->receivers = 2;
}

static void set_up_senders(void) {
  set_up_full();
  place()->senders = 2;
}

static void *end_borrowing(void *count) {
  const void *borrowed;
  for (int i = 0; i < *(int *)count; i++) EXPECT(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0) >= 0, "nothing to borrow");
  return NULL;
}

static void *end_reserving(void *count) {
  void *reserved;
  for (int i = 0; i < *(int *)count; i++) EXPECT_EQUAL(ipc_mq_reserve(mq, &reserved, 0), 0);
  return NULL;
}

static void in_thread(void *(*body)(void *), int argument) {
  pthread_t thread;
  EXPECT_EQUAL(pthread_create(&thread, NULL, body, &argument), 0);
  EXPECT_EQUAL(pthread_join(thread, NULL), 0);
}

/* Two messages whose borrower has ended. */
static void set_up_borrowed(void) {
  set_up_levels();
  in_thread(end_borrowing, 2);
  place()->held[2] = place()->held[1] = 1;
}

/* All that is borrowed is a dead thread's, and there is no room. */
static void set_up_all_borrowed(void) {
  set_up_full();
  in_thread(end_borrowing, CAPACITY);
  memset((void *)place()->held, 1, CAPACITY);
}

/* Reserved rooms whose holder has ended, and no other. */
static void set_up_reserved(void) {
  set_up_some();
  in_thread(end_reserving, CAPACITY - 3);
}

static int descriptor; /* of survivor 0 */

/* The queue's readiness, as poll() tells it. */
static int ready(void) {
  struct pollfd set = {.fd = descriptor, .events = POLLIN | POLLOUT};
  EXPECT(poll(&set, 1, 0) >= 0, "poll failed");
  return set.revents;
}

static void watch(void) {
  descriptor = ipc_mq_fd(mq);
  EXPECT(descriptor >= 0, "no descriptor: %s", ipc_last_error());
  place()->watched = 1;
}

static void set_up_watched(int count, const unsigned *priorities) {
  set_up_with(count, priorities, 40);
  watch();
}

static void set_up_watched_empty(void) { set_up_watched(0, NULL); }
static void set_up_watched_one(void) { set_up_watched(1, (unsigned[]){7}); }
static void set_up_watched_some(void) { set_up_watched(3, (unsigned[]){5, 5, 1}); }
static void set_up_watched_nearly_full(void) { set_up_watched(CAPACITY - 1, (unsigned[]){5, 1, 1, 7, 5}); }
static void set_up_watched_full(void) { set_up_watched(CAPACITY, (unsigned[]){5, 1, 1, 7, 5, 7}); }

static void set_up_locked(void) { set_up_queue(LOCKED); }
static void set_up_hasty(void) { set_up_queue(HASTY); }

/* ---- the victim ---- */

static struct message message, own_message; /* the victim's */
static ssize_t result;
static int own;                /* its first id */
static void *reserved[2];
static const void *borrowed[2];
static uint32_t borrowed_ids[2];

static void prepare_first(void) {
  EXPECT_EQUAL(open_mq(0), IPC_OPENED);
  own = VICTIMS + 8 * place()->victims++;
}

static void compose_own(unsigned priority, size_t length) { compose(&own_message, own, priority, length); }

/* Nothing in what follows is the first of its kind. */
static void warm_up(void) {
  unsigned priority;
  prepare_first();
  ipc_mq_peek_priority(mq, &priority);
}

static void prepare_first_send(void) {
  prepare_first();
  compose_own(MIDDLE, 40);
}

static void prepare_send(void) {
  warm_up();
  compose_own(MIDDLE, 40);
}

static void prepare_send_higher(void) {
  warm_up();
  compose_own(9, 40);
}

static void prepare_send_large(void) {
  warm_up();
  compose_own(MIDDLE, LARGE);
}

static void prepare_overwriting(void) {
  EXPECT_EQUAL(open_mq(IPC_MQ_OVERWRITE), IPC_OPENED);
  own = VICTIMS + 8 * place()->victims++;
  compose_own(MIDDLE, 40);
}

static void prepare_broken(void) {
  queue = queues[place()->kind];
  own = VICTIMS + 8 * place()->victims++;
  compose_own(MIDDLE, 40);
}

static void send_own(int64_t timeout_ns) {
  place()->begun[own] = 1;
  result = queue->send(&own_message, timeout_ns);
  if (result == 0) place()->sent[own] = 1;
}

static void run_send(void) { send_own(IPC_FOREVER); }
static void run_try_send(void) { send_own(0); }

static void run_send_overwriting(void) {
  place()->dropping = 1;
  send_own(IPC_FOREVER);
}

static struct message several[3];
static ipc_mq_message_t described[3];

static void prepare_send_many(void) {
  const unsigned priorities[3] = {5, 9, 1};
  warm_up();
  for (int i = 0; i < 3; i++) {
    compose(&several[i], own + i, priorities[i], 40);
    described[i] = (ipc_mq_message_t){.data = &several[i], .len = 40, .priority = priorities[i]};
  }
}

static void run_send_many(void) {
  for (int i = 0; i < 3; i++) place()->begun[own + i] = 1;
  result = ipc_mq_send_many(mq, described, 3, IPC_FOREVER);
  for (int i = 0; i < result; i++) place()->sent[own + i] = 1;
}

static unsigned priority;

static void note_mine(uint32_t id, unsigned mark) {
  EXPECT(id < IDS, "the victim receives no message, but %" PRIu32, id);
  if (mark > 0) place()->marked[id] = (unsigned char)mark;
  place()->taken[id] = 1;
  note(id);
}

/* In between nobody but this thread knows of the message. */
static void receive_as(int64_t timeout_ns) {
  unsigned mark;
  priority = 0;
  place()->taking++;
  result = queue->receive(&message, &priority, &mark, timeout_ns, RECEIVE);
  if (result >= 0) note_mine(message.id, NOT_TOLD);
  place()->taking--;
}

static void run_receive(void) { receive_as(IPC_FOREVER); }

static void prepare_receive_many(void) {
  warm_up();
  for (int i = 0; i < 3; i++) described[i] = (ipc_mq_message_t){.data = &several[i], .len = SIZE};
}

static void run_receive_many(void) {
  place()->taking += 3;
  result = ipc_mq_receive_many(mq, described, 3, IPC_FOREVER);
  /* The first last: those that are lost are the first ones. */
  for (ssize_t i = result; i-- > 0;) note_mine(several[i].id, described[i].redeliveries);
  place()->taking -= 3;
}

static void run_reserve(void) { result = ipc_mq_reserve(mq, &reserved[0], IPC_FOREVER); }

static void prepare_reserving(void) {
  warm_up();
  for (int i = 0; i < 2; i++) {
    EXPECT_EQUAL(ipc_mq_reserve(mq, &reserved[i], 0), 0);
    compose(reserved[i], own + i, MIDDLE, 40);
  }
}

static void run_commit(void) {
  place()->begun[own] = 1;
  result = ipc_mq_commit(mq, reserved[0], 40, MIDDLE);
  if (result == 0) place()->sent[own] = 1;
}

static void run_abandon(void) { result = ipc_mq_abandon(mq, reserved[0]); }

static ssize_t borrow_one(int i) {
  unsigned mark = 0;
  place()->taking++;
  ssize_t length = ipc_mq_borrow(mq, &borrowed[i], &priority, &mark, IPC_FOREVER);
  if (length < 0) return length;
  borrowed_ids[i] = ((const struct message *)borrowed[i])->id;
  if (borrowed_ids[i] < IDS) place()->held[borrowed_ids[i]] = 1;
  return length;
}

static int return_one(int i) {
  place()->held[borrowed_ids[i]] = 0;
  int returned = ipc_mq_return(mq, borrowed[i]);
  if (returned == 0) note_mine(borrowed_ids[i], 0);
  place()->taking--;
  return returned;
}

static void run_borrow(void) { result = borrow_one(0); }

static void prepare_borrowing(int count) {
  warm_up();
  for (int i = 0; i < count; i++) EXPECT(borrow_one(i) >= 0, "nothing to borrow: %s", ipc_last_error());
}

static void prepare_borrowing_one(void) { prepare_borrowing(1); }
static void prepare_borrowing_two(void) { prepare_borrowing(2); }

static void run_return(void) { result = return_one(0); }

static void run_watch(void) { result = ipc_mq_fd(mq); }

static void run_peek(void) { result = ipc_mq_peek_priority(mq, &priority); }

/* What survivors do, and the second victim: this may find what the first left. */
static void run_recover(void) {
  send_own(0);
  receive_as(0);
}

static void run_recover_receiving(void) {
  receive_as(0);
  send_own(0);
}

static void after(void) { EXPECT(result >= 0, "the victim failed: %s", ipc_last_error()); }

static void after_receive(void) {
  after();
  if (message.id < VICTIMS) last_rank = rank(message.id);
  look_at(&message, (size_t)result, priority, 0);
}

static void after_try_send(void) {
  EXPECT(result == -EAGAIN || place()->disturbed, "a full queue gives %zd", result);
}

static void after_peek(void) {
  EXPECT_EQUAL(result, 0);
  EXPECT(priority == 7 || place()->disturbed, "the highest priority is 7, not %u", priority);
}

static void commit_one(int i) {
  compose(reserved[i], own + i, MIDDLE, 40);
  place()->begun[own + i] = 1;
  EXPECT_EQUAL(ipc_mq_commit(mq, reserved[i], 40, MIDDLE), 0);
  place()->sent[own + i] = 1;
}

static void after_reserve(void) {
  after();
  commit_one(0);
  EXPECT_EQUAL(ipc_mq_commit(mq, reserved[0], 1, 0), -EINVAL);
}

/* The other is still this thread's. */
static void after_commit(void) {
  after();
  commit_one(1);
}

static void after_borrow(void) {
  after();
  look_at(borrowed[0], (size_t)result, priority, 0);
  EXPECT_EQUAL(return_one(0), 0);
  EXPECT_EQUAL(ipc_mq_return(mq, borrowed[0]), -EINVAL);
}

static void after_return(void) { after(); }

static void after_return_one_of_two(void) {
  after();
  EXPECT_EQUAL(return_one(1), 0);
}

/* ---- the survivors ---- */

static void release_receiver(int time) {
  (void)time;
  use_queue();
  EXPECT_EQUAL(send_new(arena->patience_ns), 0);
}

static void release_sender(int time) {
  (void)time;
  use_queue();
  EXPECT(take_one(&message, arena->patience_ns, RECEIVE) >= 0, "nothing in a full queue");
}

/* What a stopped thread holds stays its own; all else can be had. */
static void meanwhile(void) {
  use_queue();
  place()->disturbed = 1;
  int64_t began = now_ns();
  int sent = send_large(1000000);
  EXPECT(sent == 0 || sent == -ETIMEDOUT, "with the victim alive sending gives %d", sent);
  ssize_t taken = take_one(&message, 1000000, BORROW);
  EXPECT(taken >= 0 || taken == -ETIMEDOUT, "with the victim alive receiving gives %zd", taken);
  EXPECT(now_ns() - began < 500000000, "calls with 1 ms each took %" PRId64 " ns", now_ns() - began);
}

static void sleep_receive(void) {
  use_queue();
  ssize_t taken = take_one(&message, arena->patience_ns, RECEIVE);
  EXPECT(taken >= 0, "a sleeper gets no message: %s", ipc_strerror((int)taken));
}

static void sleep_send(void) {
  use_queue();
  int sent = send_new(arena->patience_ns);
  EXPECT(sent >= 0, "a sleeper gets no room: %s", ipc_strerror(sent));
}

/* Whether what the dead victim took has made room: settled when it is known what it took. */
static void let_go_full(int alive) {
  use_queue();
  if (alive) return;
  if (send_new(0) == -EAGAIN) place()->refused = 1;
}

/* After a death, before the next call, the descriptor may be ready for nothing, and not unready for something. */
static void let_go_watched(int alive) {
  use_queue();
  if (alive) return;
  int least = -place()->taking, most = 0;
  for (int id = 0; id < IDS; id++) {
    least += place()->sent[id] && !place()->received[id];
    most += place()->begun[id] && !place()->received[id];
  }
  int now = ready();
  EXPECT(least <= 0 || now & POLLIN, "%d messages, and poll says %#x", least, (unsigned)now);
  EXPECT(most >= CAPACITY || now & POLLOUT, "%d messages, and poll says %#x", most, (unsigned)now);
}

static void check(void) {
  use_queue();
  int64_t end = now_ns() + arena->patience_ns;
  int sends = 3 + place()->receivers, takes = 3 + place()->senders;
  for (int i = 0; i < sends; i++) {
    int sent;
    int id = new_id();
    while ((sent = send_one(id, MIDDLE, 40, 0)) == -EAGAIN) {
      EXPECT(now_ns() < end, "a survivor gets no room");
      if (takes > 0 && take_one(&message, 0, (enum how)(takes % 3)) >= 0) takes--;
      else sched_yield();
    }
    EXPECT(sent == 0, "a survivor cannot send: %s", ipc_strerror(sent));
  }
  for (; takes > 0; takes--) {
    ssize_t taken = take_one(&message, arena->patience_ns, (enum how)(takes % 3));
    EXPECT(taken >= 0, "a survivor gets no message: %s", ipc_strerror((int)taken));
  }
}

/* All that is left, in its order. */
static void drain(void) {
  uint32_t senders[16], last_ids[16];
  int known = 0;
  unsigned last_priority = 255;
  bool old_are_over = false;
  last_rank = 0;
  for (;;) {
    unsigned received_priority = 0, mark = 0;
    ssize_t length = queue->receive(&message, &received_priority, &mark, 0, MANY);
    if (length == -EAGAIN) break;
    EXPECT(length >= 0, "a survivor cannot receive: %s", ipc_strerror((int)length));
    look_at(&message, (size_t)length, received_priority, mark);
    note(message.id);
    EXPECT(received_priority <= last_priority, "priority %u after %u", received_priority, last_priority);
    if (received_priority < last_priority) {
      known = 0;
      old_are_over = false;
    }
    last_priority = received_priority;
    if (message.id >= VICTIMS) old_are_over = true;
    else EXPECT(!old_are_over, "message %" PRIu32 " was overtaken", message.id);
    int i = 0;
    while (i < known && senders[i] != message.sender) i++;
    if (i == known) {
      EXPECT(known < 16, "too many senders");
      senders[known++] = message.sender;
    } else {
      EXPECT(last_ids[i] < message.id, "message %" PRIu32 " comes after %" PRIu32, message.id, last_ids[i]);
    }
    last_ids[i] = message.id;
  }
}

/* Those whose send returned, and that nobody received. */
static int find_lost(uint32_t *lost) {
  int count = 0;
  for (uint32_t id = 0; id < IDS; id++)
    if (place()->sent[id] && !place()->received[id]) lost[count++] = id;
  return count;
}

static void count_messages(void) {
  uint32_t lost[IDS];
  int count = find_lost(lost);
  EXPECT(
    count <= place()->taking + place()->dropping, "%d messages are lost, the first is %" PRIu32, count, lost[0]);
  EXPECT(count == 0 || !place()->refused, "message %" PRIu32 " was taken, and its room did not come back", lost[0]);
  for (uint32_t id = 0; id < IDS; id++) {
    if (place()->held[id]) {
      if (place()->dropping + place()->taking > 0 && !place()->received[id]) continue; /* it is lost then */
      EXPECT(place()->received[id], "message %" PRIu32 " was borrowed and did not come again", id);
      EXPECT(place()->marked[id], "message %" PRIu32 " was borrowed and is not marked", id);
    } else {
      EXPECT(!place()->marked[id] || place()->marked[id] == NOT_TOLD || place()->taking > 0, "message %" PRIu32 " is marked", id);
    }
  }
  /* The dead took what came first. */
  for (int i = 0; i < count && place()->dropping == 0; i++)
    for (uint32_t id = 0; id < VICTIMS; id++)
      EXPECT(
        !place()->received[id] || place()->taken[id] || place()->held[id] || rank(id) > rank(lost[i]),
        "message %" PRIu32 " is lost, and %" PRIu32 " was before it", lost[i], id);
}

/* The queue is as if nobody had died. */
static void settle(int progress) {
  (void)progress;
  use_queue();
  drain();
  EXPECT_EQUAL(queue->count(), 0);
  if (place()->watched) EXPECT_EQUAL(ready(), POLLOUT);
  count_messages();
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < CAPACITY; i++) {
      int sent = send_new(0);
      EXPECT(sent == 0, "room for %d of %d: %s", i, CAPACITY, ipc_strerror(sent));
    }
    EXPECT_EQUAL(queue->count(), CAPACITY);
    if (place()->watched) EXPECT_EQUAL(ready(), POLLIN);
    EXPECT_EQUAL(send_new(0), -EAGAIN);
    drain();
    EXPECT_EQUAL(queue->count(), 0);
  }
  if (queue == &sound) EXPECT_EQUAL(ipc_mq_unlink(arena->name, 0), 0);
}

/* Whoever asked first, and died of it. */
static void settle_watch(int progress) {
  use_queue();
  watch();
  settle(progress);
}

/* Dropped is the oldest of the lowest priority, and that is counted. */
static void settle_overwriting(int progress) {
  uint32_t lost[IDS];
  ipc_mq_stat_t stat;
  settle(progress);
  EXPECT_EQUAL(ipc_mq_stat(mq, &stat), 0);
  int count = find_lost(lost);
  EXPECT((int)stat.dropped <= count, "%d dropped, %d lost", (int)stat.dropped, count);
  if (count > 0 && !place()->disturbed) EXPECT_EQUAL(lost[0], 1);
  if (progress == KILLED_AFTER) EXPECT_EQUAL(stat.dropped, 1);
}

#define COMMON .meanwhile = meanwhile, .check = check, .settle = settle
#define SENDS .release = release_sender, COMMON
#define RECEIVES .release = release_receiver, COMMON
#define RECOVERED .recovery = "mq.recover"
#define RECOVERED_RECEIVING .recovery = "mq.recover.receiving"

const struct operation mq_operations[] = {
  {.name = "mq.send.first", .set_up = set_up_some, .prepare = prepare_first_send, .run = run_send, .after = after, SENDS},
  {.name = "mq.send.empty", .set_up = set_up_empty, .prepare = prepare_send, .run = run_send, .after = after, SENDS,
   RECOVERED_RECEIVING},
  {.name = "mq.send.higher", .set_up = set_up_some, .prepare = prepare_send_higher, .run = run_send, .after = after,
   SENDS, RECOVERED},
  {.name = "mq.send.full", .set_up = set_up_full, .prepare = prepare_send, .run = run_try_send, .after = after_try_send,
   SENDS, RECOVERED},
  {.name = "mq.send.wakes", .set_up = set_up_receivers, .prepare = prepare_send, .run = run_send, .after = after,
   .sleep = sleep_receive, .sleepers = 2, SENDS, RECOVERED},
  {.name = "mq.send.asleep", .set_up = set_up_full, .prepare = prepare_send, .run = run_send, .after = after, SENDS},
  {.name = "mq.send.large", .set_up = set_up_some, .prepare = prepare_send_large, .run = run_send, .after = after,
   SENDS, RECOVERED_RECEIVING},
  {.name = "mq.send.many", .set_up = set_up_some, .prepare = prepare_send_many, .run = run_send_many, .after = after, SENDS,
   RECOVERED},
  {.name = "mq.send.overwrite", .set_up = set_up_full, .prepare = prepare_overwriting, .run = run_send_overwriting,
   .after = after, .release = release_sender, .meanwhile = meanwhile, .check = check, .settle = settle_overwriting,
   RECOVERED},
  {.name = "mq.send.overwrite.borrowed", .set_up = set_up_all_borrowed, .prepare = prepare_overwriting,
   .run = run_send_overwriting, .after = after, SENDS},
  {.name = "mq.send.reserved", .set_up = set_up_reserved, .prepare = prepare_send, .run = run_send, .after = after, SENDS,
   RECOVERED},
  {.name = "mq.receive", .set_up = set_up_levels, .prepare = warm_up, .run = run_receive, .after = after_receive,
   RECEIVES, RECOVERED},
  {.name = "mq.receive.last", .set_up = set_up_one, .prepare = warm_up, .run = run_receive, .after = after_receive,
   RECEIVES, RECOVERED_RECEIVING},
  {.name = "mq.receive.full", .set_up = set_up_full, .prepare = warm_up, .run = run_receive, .after = after_receive,
   .let_go = let_go_full, RECEIVES},
  {.name = "mq.receive.wakes", .set_up = set_up_senders, .prepare = warm_up, .run = run_receive,
   .after = after_receive, .sleep = sleep_send, .sleepers = 2, RECEIVES, RECOVERED},
  {.name = "mq.receive.asleep", .set_up = set_up_empty, .prepare = warm_up, .run = run_receive,
   .after = after_receive, RECEIVES},
  {.name = "mq.receive.large", .set_up = set_up_large, .prepare = warm_up, .run = run_receive,
   .after = after_receive, RECEIVES, RECOVERED},
  {.name = "mq.receive.many", .set_up = set_up_levels, .prepare = prepare_receive_many, .run = run_receive_many, .after = after,
   RECEIVES, RECOVERED},
  {.name = "mq.receive.borrowed", .set_up = set_up_borrowed, .prepare = warm_up, .run = run_receive, .after = after,
   RECEIVES, RECOVERED_RECEIVING},
  {.name = "mq.reserve", .set_up = set_up_some, .prepare = warm_up, .run = run_reserve, .after = after_reserve, SENDS,
   RECOVERED},
  {.name = "mq.commit", .set_up = set_up_empty, .prepare = prepare_reserving, .run = run_commit,
   .after = after_commit, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.abandon", .set_up = set_up_some, .prepare = prepare_reserving, .run = run_abandon,
   .after = after_commit, SENDS, RECOVERED},
  {.name = "mq.borrow", .set_up = set_up_levels, .prepare = warm_up, .run = run_borrow, .after = after_borrow,
   RECEIVES, RECOVERED_RECEIVING},
  {.name = "mq.return", .set_up = set_up_levels, .prepare = prepare_borrowing_two, .run = run_return,
   .after = after_return_one_of_two, RECEIVES, RECOVERED},
  {.name = "mq.return.full", .set_up = set_up_full, .prepare = prepare_borrowing_one, .run = run_return,
   .after = after_return, RECEIVES, RECOVERED},
  {.name = "mq.peek", .set_up = set_up_levels, .prepare = prepare_first, .run = run_peek, .after = after_peek,
   RECEIVES, RECOVERED},
  {.name = "mq.watch", .set_up = set_up_some, .prepare = warm_up, .run = run_watch, .after = after,
   .meanwhile = meanwhile, .check = check, .settle = settle_watch, RECOVERED},
  {.name = "mq.watched.send.empty", .set_up = set_up_watched_empty, .prepare = prepare_send, .run = run_send,
   .after = after, .let_go = let_go_watched, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.watched.send.last", .set_up = set_up_watched_nearly_full, .prepare = prepare_send, .run = run_send,
   .after = after, .let_go = let_go_watched, SENDS, RECOVERED},
  {.name = "mq.watched.send.many", .set_up = set_up_watched_some, .prepare = prepare_send_many, .run = run_send_many,
   .after = after, .let_go = let_go_watched, SENDS, RECOVERED},
  {.name = "mq.watched.commit", .set_up = set_up_watched_empty, .prepare = prepare_reserving, .run = run_commit,
   .after = after_commit, .let_go = let_go_watched, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.watched.receive.last", .set_up = set_up_watched_one, .prepare = warm_up, .run = run_receive,
   .after = after_receive, .let_go = let_go_watched, RECEIVES, RECOVERED_RECEIVING},
  {.name = "mq.watched.receive.full", .set_up = set_up_watched_full, .prepare = warm_up, .run = run_receive,
   .after = after_receive, .let_go = let_go_watched, RECEIVES, RECOVERED},
  {.name = "mq.watched.return.full", .set_up = set_up_watched_full, .prepare = prepare_borrowing_one,
   .run = run_return, .after = after_return, RECEIVES, RECOVERED},
  {.name = "mq.recover", .set_up = set_up_some, .prepare = prepare_send, .run = run_recover, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.recover.receiving", .set_up = set_up_some, .prepare = prepare_send, .run = run_recover_receiving, SENDS,
   RECOVERED},
  {.name = "broken.mq.lock", .set_up = set_up_locked, .prepare = prepare_broken, .run = run_send, .check = check,
   .settle = settle, .must = FAIL_IF_KILLED},
  {.name = "broken.mq.publish", .set_up = set_up_hasty, .prepare = prepare_broken, .run = run_send, .check = check,
   .settle = settle, .must = FAIL_IF_KILLED},
  {0},
};
