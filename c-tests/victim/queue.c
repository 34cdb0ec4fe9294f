/* The common part of the victims on message queues, for the library's queue and for the drop-in's. */
#include "queue.h"

const struct queue *queue;
struct message message, own_message;
ssize_t result;
unsigned priority;
int own;
static uint32_t last_rank; /* the highest rank of the old messages that this process received in this phase */

void use_queue(void) {
  last_rank = 0;
  queue = queues[place()->kind];
  if (queue->use) queue->use();
}

void set_up_queue(int kind) {
  place()->kind = kind;
  last_rank = 0;
  queue = queues[kind];
  if (queue->make) queue->make();
}

void compose(struct message *message, int id, unsigned priority, size_t length) {
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

int send_new(int64_t timeout_ns) { return send_one(new_id(), MIDDLE, 40, timeout_ns); }

/* Sends a message so large that it is copied into a reserved slot while no latch is held. */
int send_large(int64_t timeout_ns) { return send_one(new_id(), MIDDLE, LARGE, timeout_ns); }

/* Orders messages: the lower rank is received earlier. */
uint32_t rank(uint32_t id) { return (uint32_t)(255 - place()->priorities[id]) << 8 | id; }

void check_message(const struct message *message, size_t length, unsigned priority, unsigned mark) {
  EXPECT(length >= 16 && message->id < IDS, "not a message: %zu bytes, id %" PRIu32, length, message->id);
  EXPECT_EQUAL(length, message->length);
  EXPECT_EQUAL(priority, message->priority);
  if (!queue->has_no_bytes)
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

/* Receives one message. Returns the queue's result. */
ssize_t take_one(struct message *message, int64_t timeout_ns, enum how how) {
  unsigned priority = 0, mark = 0;
  ssize_t length = queue->receive(message, &priority, &mark, timeout_ns, how);
  if (length < 0) return length;
  check_message(message, (size_t)length, priority, mark);
  note(message->id);
  return length;
}

static void set_up_with(int count, const unsigned *priorities, size_t length) {
  set_up_queue(0);
  for (int i = 0; i < count; i++) EXPECT_EQUAL(send_one(OLD + i, priorities[i], length, 0), 0);
}

void set_up_empty(void) { set_up_with(0, NULL, 0); }

void set_up_some(void) { set_up_with(3, (unsigned[]){5, 5, 1}, 40); }

void set_up_levels(void) { set_up_with(4, (unsigned[]){1, 5, 7, 5}, 40); }

void set_up_one(void) { set_up_with(1, (unsigned[]){7}, 40); }

void set_up_nearly_full(void) { set_up_with(CAPACITY - 1, (unsigned[]){5, 1, 1, 7, 5}, 40); }

void set_up_full(void) { set_up_with(CAPACITY, (unsigned[]){5, 1, 1, 7, 5, 7}, 40); }

void set_up_large(void) { set_up_with(3, (unsigned[]){5, 7, 5}, LARGE); }

void set_up_receivers(void) {
  set_up_empty();
  place()->receivers = 2;
}

void set_up_senders(void) {
  set_up_full();
  place()->senders = 2;
}

static void get_descriptor(void) {
  queue->get_descriptor();
  place()->with_descriptor = 1;
}

void set_up_with_descriptor_empty(void) {
  set_up_empty();
  get_descriptor();
}

void set_up_with_descriptor_one(void) {
  set_up_one();
  get_descriptor();
}

void set_up_with_descriptor_some(void) {
  set_up_some();
  get_descriptor();
}

void set_up_with_descriptor_nearly_full(void) {
  set_up_nearly_full();
  get_descriptor();
}

void set_up_with_descriptor_full(void) {
  set_up_full();
  get_descriptor();
}

void prepare_first(void) {
  queue = queues[place()->kind];
  if (queue->join) queue->join();
  own = VICTIMS + 8 * place()->victims++;
}

void compose_own(unsigned priority, size_t length) { compose(&own_message, own, priority, length); }

/* Makes the calls whose first use differs from later ones. */
void warm_up(void) {
  prepare_first();
  queue->warm_up();
}

void prepare_first_send(void) {
  prepare_first();
  compose_own(MIDDLE, 40);
}

void prepare_send(void) {
  warm_up();
  compose_own(MIDDLE, 40);
}

void prepare_send_higher(void) {
  warm_up();
  compose_own(9, 40);
}

void prepare_send_large(void) {
  warm_up();
  compose_own(MIDDLE, LARGE);
}

void send_own(int64_t timeout_ns) {
  place()->begun[own] = 1;
  result = queue->send(&own_message, timeout_ns);
  if (result == 0) place()->sent[own] = 1;
}

void run_send(void) { send_own(IPC_FOREVER); }

void run_try_send(void) { send_own(0); }

void note_mine(uint32_t id, unsigned mark) {
  EXPECT(id < IDS, "the victim receives no message, but %" PRIu32, id);
  if (mark > 0) place()->marked[id] = (unsigned char)mark;
  place()->taken[id] = 1;
  note(id);
}

/* Between the receive and the note only this thread knows of the message. */
void receive_as(int64_t timeout_ns) {
  unsigned mark;
  priority = 0;
  place()->taking++;
  result = queue->receive(&message, &priority, &mark, timeout_ns, RECEIVE);
  if (result >= 0) note_mine(message.id, NOT_TOLD);
  place()->taking--;
}

void run_receive(void) { receive_as(IPC_FOREVER); }

/* Called by survivors and by the second victim, which may find what the first one left. */
void run_recover(void) {
  send_own(0);
  receive_as(0);
}

void run_recover_receiving(void) {
  receive_as(0);
  send_own(0);
}

void after(void) { EXPECT(result >= 0, "the victim failed: %s", ipc_strerror((int)result)); }

void after_receive(void) {
  after();
  if (message.id < VICTIMS) last_rank = rank(message.id);
  check_message(&message, (size_t)result, priority, 0);
}

void after_try_send(void) {
  EXPECT(result == -EAGAIN || place()->disturbed, "a full queue gives %zd", result);
}

void release_receiver(int time) {
  (void)time;
  use_queue();
  EXPECT_EQUAL(send_new(arena->patience_ns), 0);
}

void release_sender(int time) {
  (void)time;
  use_queue();
  EXPECT(take_one(&message, arena->patience_ns, RECEIVE) >= 0, "nothing in a full queue");
}

void sleep_receive(void) {
  use_queue();
  ssize_t taken = take_one(&message, arena->patience_ns, RECEIVE);
  EXPECT(taken >= 0, "a sleeper gets no message: %s", ipc_strerror((int)taken));
}

void sleep_send(void) {
  use_queue();
  int sent = send_new(arena->patience_ns);
  EXPECT(sent >= 0, "a sleeper gets no room: %s", ipc_strerror(sent));
}

/* Whether the dead victim's receive has freed a slot. The answer is judged when it is known whether it took a
 * message. */
void let_go_full(int alive) {
  use_queue();
  if (alive) return;
  if (send_new(0) == -EAGAIN) place()->refused = 1;
}

/* After a death and before the next call, the descriptor may be ready without a reason. */
void let_go_with_descriptor(int alive) {
  use_queue();
  if (alive) return;
  int least = -place()->taking, most = 0;
  for (int id = 0; id < IDS; id++) {
    least += place()->sent[id] && !place()->received[id];
    most += place()->begun[id] && !place()->received[id];
  }
  int now = queue->ready();
  /* The thread that tells of a death may not have run yet. */
  int64_t end = now_ns() + arena->patience_ns;
  while (((least > 0 && !(now & POLLIN)) || (most < CAPACITY && !(now & POLLOUT))) && now_ns() < end) {
    sched_yield();
    now = queue->ready();
  }
  EXPECT(least <= 0 || now & POLLIN, "%d messages, and poll says %#x", least, (unsigned)now);
  EXPECT(most >= CAPACITY || now & POLLOUT, "%d messages, and poll says %#x", most, (unsigned)now);
}

void check(void) {
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

/* Receives all messages that are left, and checks their order. */
void drain(void) {
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
    check_message(&message, (size_t)length, received_priority, mark);
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

/* Finds the messages whose send returned and that nobody received. */
int find_lost(uint32_t *lost) {
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
      if (place()->dropping + place()->taking > 0 && !place()->received[id]) continue; /* then it is lost */
      EXPECT(place()->received[id], "message %" PRIu32 " was borrowed and did not come again", id);
      EXPECT(place()->marked[id], "message %" PRIu32 " was borrowed and is not marked", id);
    } else {
      EXPECT(!place()->marked[id] || place()->marked[id] == NOT_TOLD || place()->taking > 0, "message %" PRIu32 " is marked", id);
    }
  }
  /* A dead receiver took the first message, so each lost message comes before those that others received. */
  for (int i = 0; i < count && place()->dropping == 0; i++)
    for (uint32_t id = 0; id < VICTIMS; id++)
      EXPECT(
        !place()->received[id] || place()->taken[id] || place()->held[id] || rank(id) > rank(lost[i]),
        "message %" PRIu32 " is lost, and %" PRIu32 " was before it", lost[i], id);
}

/* Checks that the queue is as if nobody had died. */
void settle(int progress) {
  (void)progress;
  use_queue();
  drain();
  EXPECT_EQUAL(queue->count(), 0);
  if (place()->with_descriptor) EXPECT_EQUAL(queue->ready(), POLLOUT);
  count_messages();
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < CAPACITY; i++) {
      int sent = send_new(0);
      EXPECT(sent == 0, "room for %d of %d: %s", i, CAPACITY, ipc_strerror(sent));
    }
    EXPECT_EQUAL(queue->count(), CAPACITY);
    if (place()->with_descriptor) EXPECT_EQUAL(queue->ready(), POLLIN);
    EXPECT_EQUAL(send_new(0), -EAGAIN);
    drain();
    EXPECT_EQUAL(queue->count(), 0);
  }
  if (queue->remove) {
    queue->remove();
    nothing_is_left();
  }
}
