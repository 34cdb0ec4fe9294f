/* The message queue in shared memory. A message whose send returned is received once, unless its receiver died.
 * Priorities and order hold, and the slots of the dead come back. */
#include "queue.h"

/* ---- queues: the library's, and two that are wrong ---- */

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

/* The name may lead to another kind of object. */
static void make_mq(void) {
  if (ipc_mq_unlink(arena->name, 0) < 0) shm_unlink(arena->name);
  if (mq != NULL) EXPECT_EQUAL(ipc_mq_close(mq), 0);
  EXPECT_EQUAL(open_mq(IPC_CREATE | IPC_EXCLUSIVE), IPC_CREATED);
}

static void join_mq(void) { EXPECT_EQUAL(open_mq(0), IPC_OPENED); }

static void use_mq(void) {
  if (mq != NULL) {
    if (ipc_mq_stale(mq) == 0) return;
    EXPECT_EQUAL(ipc_mq_close(mq), 0);
    mq = NULL;
  }
  join_mq();
}

/* Makes the calls whose first use differs from later ones. */
static void warm_up_mq(void) {
  unsigned first;
  ipc_mq_peek_priority(mq, &first);
}

static int descriptor; /* survivor 0's */

static int ready_mq(void) {
  struct pollfd set = {.fd = descriptor, .events = POLLIN | POLLOUT};
  EXPECT(poll(&set, 1, 0) >= 0, "poll failed");
  return set.revents;
}

static void get_descriptor_mq(void) {
  descriptor = ipc_mq_fd(mq);
  EXPECT(descriptor >= 0, "no descriptor: %s", ipc_last_error());
}

static void remove_mq(void) { EXPECT_EQUAL(ipc_mq_unlink(arena->name, 0), 0); }

static const struct queue sound = {
  send_mq, receive_mq, count_mq, make_mq, join_mq, warm_up_mq, use_mq, get_descriptor_mq, ready_mq, remove_mq, false};

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

static const struct queue locked = {send_locked, receive_locked, count_ring, .has_no_bytes = true};

/* A ring that publishes a message in two steps. A sender may die after the first step. */
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

static const struct queue hasty = {send_hasty, receive_hasty, count_ring, .has_no_bytes = true};

enum { SOUND, LOCKED, HASTY };
const struct queue *const queues[] = {&sound, &locked, &hasty};

/* ---- set_up ---- */

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

/* Two messages whose borrower has ended. */
static void set_up_borrowed(void) {
  set_up_levels();
  in_a_thread(end_borrowing, &(int){2});
  place()->held[2] = place()->held[1] = 1;
}

/* The borrower of all messages has ended, and there is no room. */
static void set_up_all_borrowed(void) {
  set_up_full();
  in_a_thread(end_borrowing, &(int){CAPACITY});
  memset((void *)place()->held, 1, CAPACITY);
}

/* All free slots are reserved, and their holder has ended. */
static void set_up_reserved(void) {
  set_up_some();
  in_a_thread(end_reserving, &(int){CAPACITY - 3});
}

static void set_up_locked(void) { set_up_queue(LOCKED); }
static void set_up_hasty(void) { set_up_queue(HASTY); }

/* ---- the victim ---- */

static void *reserved[2];
static const void *borrowed[2];
static uint32_t borrowed_ids[2];

static void prepare_overwriting(void) {
  prepare_first();
  EXPECT_EQUAL(ipc_mq_close(mq), 0);
  EXPECT_EQUAL(open_mq(IPC_MQ_OVERWRITE), IPC_OPENED);
  compose_own(MIDDLE, 40);
}

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

static void prepare_receive_many(void) {
  warm_up();
  for (int i = 0; i < 3; i++) described[i] = (ipc_mq_message_t){.data = &several[i], .len = SIZE};
}

static void run_receive_many(void) {
  place()->taking += 3;
  result = ipc_mq_receive_many(mq, described, 3, IPC_FOREVER);
  /* Notes the last message first, so that the lost messages are the first ones. */
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

static void run_get_descriptor(void) { result = ipc_mq_fd(mq); }

static void run_peek(void) { result = ipc_mq_peek_priority(mq, &priority); }

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

/* The other reserved message still belongs to this thread. */
static void after_commit(void) {
  after();
  commit_one(1);
}

static void after_borrow(void) {
  after();
  check_message(borrowed[0], (size_t)result, priority, 0);
  EXPECT_EQUAL(return_one(0), 0);
  EXPECT_EQUAL(ipc_mq_return(mq, borrowed[0]), -EINVAL);
}

static void after_return(void) { after(); }

static void after_return_one_of_two(void) {
  after();
  EXPECT_EQUAL(return_one(1), 0);
}

/* ---- the survivors ---- */

/* A stopped thread keeps only the slots and the latch that it holds. */
static void meanwhile(void) {
  use_queue();
  place()->disturbed = 1;
  int64_t began = now_ns();
  int sent = send_large(1000000);
  EXPECT(sent == 0 || sent == -ETIMEDOUT, "with the victim alive sending gives %d", sent);
  ssize_t taken = take_one(&message, 1000000, BORROW);
  EXPECT(taken >= 0 || taken == -ETIMEDOUT, "with the victim alive receiving gives %zd", taken);
  EXPECT(now_ns() - began < arena->patience_ns, "calls with 1 ms each took %" PRId64 " ns", now_ns() - began);
}

/* The victim was the first to ask for the descriptor, and may have died in that call. */
static void settle_descriptor(int progress) {
  use_queue();
  queue->get_descriptor();
  place()->with_descriptor = 1;
  settle(progress);
}

/* The dropped message is the oldest of the lowest priority, and it is counted. */
static void settle_overwriting(int progress) {
  uint32_t lost[IDS];
  ipc_mq_stat_t stat;
  settle(progress);
  EXPECT_EQUAL(ipc_mq_stat(mq, &stat), 0);
  int count = find_lost(lost);
  EXPECT((int)stat.dropped <= count, "%d dropped, %d lost", (int)stat.dropped, count);
  /* A second victim that dies may have received another message. */
  if (count > 0 && !place()->disturbed && place()->taking == 0) EXPECT_EQUAL(lost[0], 1);
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
  {.name = "mq.descriptor", .set_up = set_up_some, .prepare = warm_up, .run = run_get_descriptor, .after = after,
   .meanwhile = meanwhile, .check = check, .settle = settle_descriptor, RECOVERED},
  {.name = "mq.with_descriptor.send.empty", .set_up = set_up_with_descriptor_empty, .prepare = prepare_send,
   .run = run_send, .after = after, .let_go = let_go_with_descriptor, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.with_descriptor.send.last", .set_up = set_up_with_descriptor_nearly_full, .prepare = prepare_send,
   .run = run_send, .after = after, .let_go = let_go_with_descriptor, SENDS, RECOVERED},
  {.name = "mq.with_descriptor.send.many", .set_up = set_up_with_descriptor_some, .prepare = prepare_send_many,
   .run = run_send_many, .after = after, .let_go = let_go_with_descriptor, SENDS, RECOVERED},
  {.name = "mq.with_descriptor.commit", .set_up = set_up_with_descriptor_empty, .prepare = prepare_reserving,
   .run = run_commit, .after = after_commit, .let_go = let_go_with_descriptor, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.with_descriptor.receive.last", .set_up = set_up_with_descriptor_one, .prepare = warm_up,
   .run = run_receive, .after = after_receive, .let_go = let_go_with_descriptor, RECEIVES, RECOVERED_RECEIVING},
  {.name = "mq.with_descriptor.receive.full", .set_up = set_up_with_descriptor_full, .prepare = warm_up,
   .run = run_receive, .after = after_receive, .let_go = let_go_with_descriptor, RECEIVES, RECOVERED},
  {.name = "mq.with_descriptor.return.full", .set_up = set_up_with_descriptor_full, .prepare = prepare_borrowing_one,
   .run = run_return, .after = after_return, RECEIVES, RECOVERED},
  {.name = "mq.recover", .set_up = set_up_some, .prepare = prepare_send, .run = run_recover, SENDS, RECOVERED_RECEIVING},
  {.name = "mq.recover.receiving", .set_up = set_up_some, .prepare = prepare_send, .run = run_recover_receiving, SENDS,
   RECOVERED},
  {.name = "broken.mq.lock", .set_up = set_up_locked, .prepare = prepare_first_send, .run = run_send, .check = check,
   .settle = settle, .must = FAIL_IF_KILLED},
  {.name = "broken.mq.publish", .set_up = set_up_hasty, .prepare = prepare_first_send, .run = run_send, .check = check,
   .settle = settle, .must = FAIL_IF_KILLED},
  {0},
};
