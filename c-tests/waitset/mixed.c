/* A waitset holds 1,000 entries of all kinds. It reports those of the object that is ready and no others, is fair among
 * the kinds, and a wait allocates nothing. */
#include "cell.h"
#include "lanes.h"
#include "service.h"
#include "topic.h"

#define COUNT 1000
#define KINDS 6

extern void *__libc_malloc(size_t);
static int counted;
#if !UNDER_SANITIZERS
void *malloc(size_t size) {
  counted++;
  return __libc_malloc(size);
}
#endif

static ipc_topic_t *topic, *taker;
static ipc_cell_t *cell;
static ipc_service_t *server;
static ipc_client_t *client;
static ipc_mq_t *mq;
static ipc_event_t *events;
static ipc_waitset_t *set;
static ipc_ready_t ready[COUNT];
static int tags[COUNT]; /* an entry's tag is its address here; the value counts the reports */
static const int kinds[KINDS] = { IPC_WAIT_SAMPLE, IPC_WAIT_CHANGE, IPC_WAIT_REQUEST, IPC_WAIT_REPLY, IPC_WAIT_MESSAGE,
  IPC_WAIT_EVENT };

static void add_all(void) {
  for (int i = 0; i < COUNT; i++) {
    void *const objects[KINDS] = { taker, cell, server, client, mq, &events[i] };
    CHECK_EQUAL(ipc_event_init(&events[i], 0), 0);
    CHECK_EQUAL(ipc_waitset_add(set, kinds[i % KINDS], objects[i % KINDS], &tags[i]), 0);
  }
}

static int kind_of(const ipc_ready_t *entry) { return (int)((int *)entry->tag - tags) % KINDS; }

/* All entries of one kind are reported, in waits with room for 10, and nothing else is. */
static void expect_all_of(int kind) {
  int entries = (COUNT - kind + KINDS - 1) / KINDS;
  while (ipc_waitset_wait(set, ready, COUNT, PATIENCE) < entries) sched_yield(); /* the watcher finds them in turn */
  memset(tags, 0, sizeof tags);
  for (int call = 0; call * 10 < entries; call++) {
    int count = ipc_waitset_wait(set, ready, 10, PATIENCE);
    CHECK_EQUAL(count, 10);
    for (int i = 0; i < count; i++) {
      CHECK_EQUAL(kind_of(&ready[i]), kind);
      CHECK_EQUAL(ready[i].what, kinds[kind]);
      ++*(int *)ready[i].tag;
    }
  }
  for (int i = kind; i < COUNT; i += KINDS) CHECK(tags[i] == 1 || tags[i] == 2);
}

static void expect_none(void) { CHECK_EQUAL(ipc_waitset_wait(set, ready, COUNT, 0), -EAGAIN); }

static void run(enum lane lane) {
  static const ipc_topic_attr_t topic_attr = { .sample_size = 8, .capacity = 4 };
  static const ipc_mq_attr_t mq_attr = { .max_messages = 4, .message_size = 16 };
  char suffix[5][16];
  for (int i = 0; i < 5; i++) snprintf(suffix[i], sizeof suffix[i], "%d-%d", lane, i);
  topic = publisher(topic_name(suffix[0]), &topic_attr);
  taker = subscriber(topic_names[topic_name_count - 1]);
  cell = open_cell(unique_name(suffix[1]), IPC_CREATE, 0600);
  const char *service = unique_name(suffix[2]);
  server = serve(service, &service_attr);
  client = client_of(service, IPC_CLIENT_WAIT);
  CHECK_EQUAL(ipc_mq_open(&mq, unique_name(suffix[3]), &mq_attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  add_all();
  expect_none();
  int before = counted;

  publish(topic, 1);
  expect_all_of(0);
  expect(taker, 1, 1, 0);
  expect_none();
  write_value(cell, 1);
  expect_all_of(1);
  expect_value(cell, 1, 1);
  expect_none();
  uint64_t id = send_text(client, "x", 0);
  expect_all_of(2);
  ipc_request_t request = expect_request(server, "x", 0);
  expect_none();
  reply_with(server, &request, "y");
  expect_all_of(3);
  expect_later(client, id, "y");
  expect_none();
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  expect_all_of(4);
  char byte;
  CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), 1);
  expect_none();
  for (int i = 5; i < COUNT; i += KINDS) CHECK_EQUAL(ipc_event_set(&events[i]), 0);
  expect_all_of(5);

  /* Kinds that are always ready do not keep another one from being reported. */
  write_value(cell, 2);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  publish(topic, 2);
  int reports[KINDS] = { 0 };
  while (reports[0] == 0 || reports[1] == 0 || reports[4] == 0 || reports[5] == 0) {
    CHECK_EQUAL(ipc_waitset_wait(set, ready, 1, PATIENCE), 1);
    reports[kind_of(&ready[0])]++;
  }
  CHECK_EQUAL(reports[2], 0);
  CHECK_EQUAL(reports[3], 0);
  CHECK_EQUAL(counted, before);

  CHECK_EQUAL(ipc_waitset_close(set), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_service_close(server), 0);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  events = mmap(NULL, COUNT * sizeof *events, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(events != MAP_FAILED);
  in_each_lane(run);
  return 0;
}
