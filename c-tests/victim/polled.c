/* Polling. One process waits in a waitset and another in poll() while the victim makes what they wait for. If the victim
 * has made its change, both learn of it, wherever the victim was killed. The kernel tells one of them of a death. That
 * one's next call on the object tells the other. Victims that make, arm, wait on and close a
 * waitset disturb nobody. */
#include "victim.h"

#include <poll.h>
#include <sched.h>

/* The indexes of arena->notes. */
enum { BEGUN, WOKEN };

struct place {
  ipc_event_t event;
  ipc_sem_t sem;
};

/* What can be waited for. `make` and `join` open the handle of one process: `make` a new object. */
struct kind {
  int what;
  void (*make)(void);
  void (*join)(void);
  void *(*object)(void);
  int (*descriptor)(void);
  int (*change)(void);
  int (*take)(void);
  void (*visit)(void);      /* a call that takes nothing from others, and repairs; NULL: there is nothing to repair */
  int (*has_changed)(void); /* may repair nothing; NULL: nobody can tell without a repair */
  int (*unlink)(const char *name);
};

static const struct kind *kind;
static ipc_waitset_t *set;
static int result;

static const char *object_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-polled", arena->name);
  return name;
}

static struct place *place(void) { return (struct place *)arena->place; }

/* ---- queues ---- */

static ipc_mq_t *mq;

static void close_mq(void) {
  if (mq != NULL) EXPECT_EQUAL(ipc_mq_close(mq), 0);
  mq = NULL;
}
static void make_mq(void) {
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 16 };
  close_mq();
  EXPECT_EQUAL(ipc_mq_open(&mq, object_name(), &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
}
static int send_mq(void) { return ipc_mq_send(mq, "x", 1, 0, 0); }
static void make_full_mq(void) {
  make_mq();
  for (int i = 0; i < 2; i++) EXPECT_EQUAL(send_mq(), 0);
}
static void join_mq(void) {
  if (mq != NULL && ipc_mq_stale(mq) == 0) return;
  close_mq();
  EXPECT_EQUAL(ipc_mq_open(&mq, object_name(), NULL, 0, 0), IPC_OPENED);
}
static void *mq_object(void) { return mq; }
static int mq_descriptor(void) { return ipc_mq_fd(mq); }
static int receive_mq(void) {
  char byte;
  ssize_t length = ipc_mq_receive(mq, &byte, 1, NULL, 0);
  return length < 0 ? (int)length : 0;
}
static int count_mq(void) {
  ipc_mq_attr_t attr;
  EXPECT_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  return (int)attr.current_messages;
}
static void visit_mq(void) {
  ssize_t length = ipc_mq_receive(mq, &(char){ 0 }, 0, NULL, 0);
  EXPECT(length == -EMSGSIZE || length == -EAGAIN, "a visit gives %zd", length);
}
static int has_message(void) { return count_mq() != 0; }
static int has_room(void) { return count_mq() < 2; }
static int unlink_mq(const char *name) { return ipc_mq_unlink(name, 0); }

/* ---- topics ---- */

static ipc_topic_t *publisher, *taker;

static void close_topic(void) {
  if (publisher != NULL) EXPECT(ipc_topic_close(publisher) == 0 && ipc_topic_close(taker) == 0, "cannot close");
  publisher = taker = NULL;
}
static void open_topic(int flags) {
  ipc_topic_attr_t attr = { .sample_size = 16, .capacity = 64, .history = 64 };
  EXPECT(ipc_topic_open(&publisher, object_name(), &attr, flags | IPC_WRITE_ONLY, 0600) >= 0, "%s", ipc_last_error());
  EXPECT(ipc_topic_open(&taker, object_name(), NULL, IPC_READ_ONLY, 0) >= 0, "%s", ipc_last_error());
}
static void make_topic(void) {
  close_topic();
  open_topic(IPC_CREATE | IPC_EXCLUSIVE);
}
static void join_topic(void) {
  if (publisher != NULL && ipc_topic_stale(publisher) == 0) return;
  close_topic();
  open_topic(0);
}
static void *topic_object(void) { return taker; }
static int topic_descriptor(void) { return ipc_topic_fd(taker); }
static int publish(void) { return ipc_topic_send(publisher, "x", 1, 0); }
static int take_sample(void) {
  char byte;
  ssize_t length = ipc_topic_receive(taker, &byte, 1, NULL, 0);
  return length < 0 ? (int)length : 0;
}
static void visit_topic(void) { take_sample(); }
static int has_sample(void) { return take_sample() == 0; }

/* ---- cells ---- */

static const ipc_type_t value_type = IPC_TYPE(uint64_t, 1);
static ipc_cell_t *cell;

static void close_cell(void) {
  if (cell != NULL) EXPECT_EQUAL(ipc_cell_close(cell), 0);
  cell = NULL;
}
static void make_cell(void) {
  close_cell();
  EXPECT_EQUAL(ipc_cell_open(&cell, object_name(), &value_type, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
}
static void join_cell(void) {
  if (cell != NULL && ipc_cell_stale(cell) == 0) return;
  close_cell();
  EXPECT_EQUAL(ipc_cell_open(&cell, object_name(), &value_type, 0, 0), IPC_OPENED);
}
static void *cell_object(void) { return cell; }
static int cell_descriptor(void) { return ipc_cell_fd(cell); }
static int write_cell(void) { return ipc_cell_write(cell, &(uint64_t){ 7 }); }
static int read_cell(void) {
  uint64_t value;
  return ipc_cell_read(cell, &value, NULL);
}
static void visit_cell(void) { read_cell(); }
static int has_value(void) { return read_cell() == 0; }

/* ---- services ---- */

static ipc_service_t *service;
static ipc_client_t *client;
static ipc_request_t request;

static void close_service(void) {
  if (service != NULL) EXPECT(ipc_service_close(service) == 0 && ipc_client_close(client) == 0, "cannot close");
  service = NULL;
  client = NULL;
}
static void open_service(int flags) {
  ipc_service_attr_t attr = { .request_size = 16, .reply_size = 16, .max_requests = 64, .max_clients = 16 };
  EXPECT(ipc_service_open(&service, object_name(), &attr, flags, 0600) >= 0, "%s", ipc_last_error());
  EXPECT(ipc_client_open(&client, object_name(), IPC_CLIENT_WAIT) >= 0, "%s", ipc_last_error());
}
static void make_service(void) {
  close_service();
  open_service(IPC_CREATE | IPC_EXCLUSIVE);
}
static void join_service(void) {
  if (service != NULL && ipc_service_stale(service) == 0) return;
  close_service();
  open_service(0);
}
static void *service_object(void) { return service; }
static int service_descriptor(void) { return ipc_service_fd(service); }
static int send_request(void) {
  uint64_t id;
  return ipc_client_send(client, "x", 1, 0, 0, &id);
}
static int take_request(void) {
  char byte;
  ssize_t length = ipc_service_receive(service, &byte, 1, &request, 0);
  return length < 0 ? (int)length : ipc_service_reply(service, &request, "y", 1);
}
static void visit_service(void) {
  ssize_t length = ipc_service_receive(service, &(char){ 0 }, 0, &request, 0);
  EXPECT(length == -EMSGSIZE || length == -EAGAIN, "a visit gives %zd", length);
}

/* ---- events and semaphores ---- */

static void make_placed(void) {
  EXPECT_EQUAL(ipc_event_init(&place()->event, 0), 0);
  EXPECT_EQUAL(ipc_sem_init(&place()->sem, 0), 0);
}
static void join_placed(void) {}
static void *event_object(void) { return &place()->event; }
static int event_descriptor(void) { return ipc_event_fd(&place()->event); }
static int set_event(void) { return ipc_event_set(&place()->event); }
static int take_event(void) { return ipc_event_wait(&place()->event, 0); }
static int is_set(void) { return ipc_event_is_set(&place()->event); }
static void *sem_object(void) { return &place()->sem; }
static int sem_descriptor(void) { return ipc_sem_fd(&place()->sem); }
static int post_sem(void) { return ipc_sem_post(&place()->sem); }
static int take_sem(void) { return ipc_sem_wait(&place()->sem, 0); }
static int has_permit(void) {
  unsigned value;
  EXPECT_EQUAL(ipc_sem_value(&place()->sem, &value), 0);
  return value != 0;
}

static const struct kind message = { IPC_WAIT_MESSAGE, make_mq, join_mq, mq_object, mq_descriptor, send_mq, receive_mq,
  visit_mq, has_message, unlink_mq };
/* A queue's descriptor tells of room as POLLOUT. */
static const struct kind room = { IPC_WAIT_ROOM, make_full_mq, join_mq, mq_object, mq_descriptor, receive_mq, send_mq,
  visit_mq, has_room, unlink_mq };
static const struct kind sample = { IPC_WAIT_SAMPLE, make_topic, join_topic, topic_object, topic_descriptor, publish,
  take_sample, visit_topic, has_sample, ipc_topic_unlink };
static const struct kind value = { IPC_WAIT_CHANGE, make_cell, join_cell, cell_object, cell_descriptor, write_cell,
  read_cell, visit_cell, has_value, ipc_cell_unlink };
static const struct kind wanted = { IPC_WAIT_REQUEST, make_service, join_service, service_object, service_descriptor,
  send_request, take_request, visit_service, NULL, ipc_service_unlink };
static const struct kind event = { IPC_WAIT_EVENT, make_placed, join_placed, event_object, event_descriptor, set_event,
  take_event, NULL, is_set, NULL };
static const struct kind sem = { IPC_WAIT_SEM, make_placed, join_placed, sem_object, sem_descriptor, post_sem, take_sem,
  NULL, has_permit, NULL };

/* ---- what the processes do ---- */

static void close_set(void) {
  if (set != NULL) EXPECT_EQUAL(ipc_waitset_close(set), 0);
  set = NULL;
}

/* The object's own set, of this process. */
static void open_set(void) {
  close_set();
  EXPECT_EQUAL(ipc_waitset_open(&set, 0), 0);
  EXPECT_EQUAL(ipc_waitset_add(set, kind->what, kind->object(), NULL), 0);
}

static void set_up(void) {
  if (kind->unlink != NULL) kind->unlink(object_name());
  kind->make();
}

static void await_change(int in_set) {
  if (in_set) {
    ipc_ready_t ready;
    int count = ipc_waitset_wait(set, &ready, 1, arena->patience_ns);
    EXPECT(count == 1, "a waitset learns of nothing: %s", ipc_strerror(count));
    return;
  }
  struct pollfd entry = { .fd = kind->descriptor(), .events = kind == &room ? POLLOUT : POLLIN };
  EXPECT(entry.fd >= 0, "no descriptor: %s", ipc_last_error());
  EXPECT(poll(&entry, 1, (int)(arena->patience_ns / 1000000)) == 1, "poll() learns of nothing");
}

static void sleep_polling(void) {
  kind->join();
  int in_set = arena->notes[BEGUN]++ % 2 == 0;
  if (in_set) open_set();
  await_change(in_set);
  if (kind->visit != NULL) kind->visit();
  arena->notes[WOKEN]++;
  if (in_set) close_set();
}

/* If the victim has made its change, or has died in it, the sleepers wake without help. */
static void let_go(int alive) {
  kind->join();
  if (!alive && kind->has_changed != NULL && kind->has_changed()) {
    int64_t end = now_ns() + arena->patience_ns;
    while (arena->notes[WOKEN] < arena->notes[BEGUN] && arena->complaint[0] == 0) {
      EXPECT(now_ns() < end, "%d of %d pollers know of the change", (int)arena->notes[WOKEN], (int)arena->notes[BEGUN]);
      sched_yield();
    }
    return;
  }
  int changed = kind->change();
  EXPECT(changed == 0 || changed == -EAGAIN, "a survivor's change: %s", ipc_strerror(changed));
}

static void check(void) {
  kind->join();
  int64_t end = now_ns() + arena->patience_ns;
  for (int i = 0; i < 3; i++) {
    int changed, taken;
    while ((changed = kind->change()) == -EAGAIN && now_ns() < end) kind->take(); /* another survivor was faster */
    EXPECT_EQUAL(changed, 0);
    taken = kind->take();
    EXPECT(taken == 0 || taken == -EAGAIN, "a survivor takes: %s", ipc_strerror(taken));
  }
}

static void settle(int progress) {
  (void)progress;
  kind->join();
  if (kind == &room) {
    while (kind->take() == 0);
  } else if (kind != &event && kind != &value) {
    while (kind->take() == 0);
  }
  open_set();
  ipc_ready_t ready;
  int before = ipc_waitset_wait(set, &ready, 1, 0);
  EXPECT(before == -EAGAIN || kind == &event || kind == &value, "ready without a reason: %d", before);
  EXPECT_EQUAL(kind->change(), 0);
  EXPECT_EQUAL(ipc_waitset_wait(set, &ready, 1, arena->patience_ns), 1);
  close_set();
  if (kind->unlink == NULL) return;
  EXPECT_EQUAL(kind->unlink(object_name()), 0);
  nothing_is_left();
}

static void prepare(void) { kind->join(); }
static void run_change(void) { result = kind->change(); }
static void after(void) { EXPECT_EQUAL(result, 0); }

/* While the victim is stopped: others poll, and a change may be held up by the victim. */
static void meanwhile(void) {
  kind->join();
  open_set();
  ipc_ready_t ready;
  int found = ipc_waitset_wait(set, &ready, 1, 0);
  EXPECT(found == 1 || found == -EAGAIN, "beside a stopped process a set gives %d", found);
  close_set();
}

/* ---- victims that use a set ---- */

static void prepare_set(void) {
  kind->join();
  open_set();
}
static void run_arm(void) {
  ipc_ready_t ready;
  result = ipc_waitset_wait(set, &ready, 1, 0);
}
static void after_arm(void) { EXPECT(result == -EAGAIN || result == 1, "a set gives %d", result); }
static void run_wait(void) {
  ipc_ready_t ready;
  result = ipc_waitset_wait(set, &ready, 1, IPC_FOREVER);
}
static void after_wait(void) { EXPECT_EQUAL(result, 1); }
static void release(int time) {
  (void)time;
  kind->join();
  int changed = kind->change();
  EXPECT(changed == 0 || changed == -EAGAIN, "a survivor's change: %s", ipc_strerror(changed));
}
static void prepare_armed(void) {
  prepare_set();
  run_arm();
}
static void run_open(void) { result = ipc_waitset_open(&set, 0); }
static void run_add(void) { result = ipc_waitset_add(set, kind->what, kind->object(), &result); }
static void run_close(void) {
  result = ipc_waitset_close(set);
  set = NULL;
}

#define OF_KIND(kind_) \
  static void set_up_##kind_(void) { kind = &kind_; set_up(); } \
  static void prepare_##kind_(void) { kind = &kind_; prepare(); } \
  static void sleep_##kind_(void) { kind = &kind_; sleep_polling(); } \
  static void meanwhile_##kind_(void) { kind = &kind_; meanwhile(); } \
  static void let_go_##kind_(int alive) { kind = &kind_; let_go(alive); } \
  static void check_##kind_(void) { kind = &kind_; check(); } \
  static void settle_##kind_(int progress) { kind = &kind_; settle(progress); } \
  static void prepare_set_##kind_(void) { kind = &kind_; prepare_set(); } \
  static void release_##kind_(int time) { kind = &kind_; release(time); }

OF_KIND(message)
OF_KIND(room)
OF_KIND(sample)
OF_KIND(value)
OF_KIND(wanted)
OF_KIND(event)
OF_KIND(sem)

static void prepare_armed_message(void) {
  kind = &message;
  prepare_armed();
}

#define COMMON(kind_) .set_up = set_up_##kind_, .check = check_##kind_, .settle = settle_##kind_
/* The victim makes the change that two sleepers poll for. */
#define CHANGES(name_, kind_) \
  {.name = name_, COMMON(kind_), .prepare = prepare_##kind_, .run = run_change, .after = after, .sleep = sleep_##kind_, \
   .sleepers = 2, .meanwhile = meanwhile_##kind_, .stop_is_expensive = true, .let_go = let_go_##kind_, .recovery = name_}
/* The victim polls in a set, and the survivors use the object. */
#define ARMS(name_, kind_) \
  {.name = name_ ".arm", COMMON(kind_), .prepare = prepare_set_##kind_, .run = run_arm, .after = after_arm, \
   .meanwhile = meanwhile_##kind_}, \
  {.name = name_ ".wait", COMMON(kind_), .prepare = prepare_set_##kind_, .run = run_wait, .after = after_wait, \
   .release = release_##kind_}

const struct operation polled_operations[] = {
  CHANGES("polled.mq.send", message),
  CHANGES("polled.mq.receive", room),
  CHANGES("polled.topic.send", sample),
  CHANGES("polled.cell.write", value),
  CHANGES("polled.client.send", wanted),
  CHANGES("polled.event.set", event),
  CHANGES("polled.sem.post", sem),
  ARMS("waitset.message", message),
  ARMS("waitset.room", room),
  ARMS("waitset.sample", sample),
  ARMS("waitset.change", value),
  ARMS("waitset.request", wanted),
  ARMS("waitset.event", event),
  ARMS("waitset.sem", sem),
  {.name = "waitset.open", COMMON(message), .prepare = prepare_message, .run = run_open, .after = after,
   .meanwhile = meanwhile_message},
  {.name = "waitset.add", COMMON(message), .prepare = prepare_armed_message, .run = run_add, .after = after,
   .meanwhile = meanwhile_message},
  {.name = "waitset.close", COMMON(message), .prepare = prepare_armed_message, .run = run_close, .after = after,
   .meanwhile = meanwhile_message},
  {0},
};
