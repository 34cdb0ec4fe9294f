/* A waitset reports a topic that has a sample, a cell whose value was not read, a service that has a request and a client
 * that has a reply, for as long as they do. It works in each lane, after fork, and by its descriptor. A closed handle's
 * entry is ready, a removed name changes nothing, and what cannot be waited for is refused. */
#include "cell.h"
#include "lanes.h"
#include "service.h"
#include "topic.h"

static const char *topic_id, *cell_id, *service_id;
static ipc_topic_t *taker;
static ipc_cell_t *reader;
static ipc_service_t *server;
static ipc_client_t *client;
static ipc_waitset_t *set;
static int sample, change, request_tag, reply_tag; /* their addresses are the tags */
static uint64_t sample_number;
static uint64_t seed = 1;

static void no_entry(void) {
  ipc_ready_t ready;
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
}

/* Waits for one entry, and checks that it is this one alone, also if it is asked again. */
static void one_entry(void *tag, int what) {
  ipc_ready_t ready[5] = { { 0 } };
  for (int again = 0; again < 2; again++) {
    CHECK_EQUAL(ipc_waitset_wait(set, ready, 5, PATIENCE), 1);
    CHECK(ready[0].tag == tag);
    CHECK_EQUAL(ready[0].what, what);
    CHECK_EQUAL(ready[0].reserved, 0);
  }
}

static void publish_two(void *unused) {
  (void)unused;
  ipc_topic_t *topic = publisher(topic_id, NULL);
  publish(topic, 1);
  publish(topic, 2);
}

static void write_one(void *unused) {
  (void)unused;
  write_value(open_cell(cell_id, 0, 0), seed);
}

static void request_one(void *unused) {
  (void)unused;
  expect_reply(client_of(service_id, 0), "x", "y");
}

static void reply_one(void *unused) {
  (void)unused;
  ipc_service_t *other = serve(service_id, &service_attr);
  ipc_request_t request = expect_request(other, "later", 0);
  reply_with(other, &request, "z");
}

static void add_all(void) {
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_SAMPLE, taker, &sample), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_CHANGE, reader, &change), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_REQUEST, server, &request_tag), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_REPLY, client, &reply_tag), 0);
}

static void rounds(int count) {
  for (int round = 0; round < count; round++) {
    no_entry();
    FINISH(start(publish_two, NULL));
    for (uint64_t value = 1; value <= 2; value++) {
      one_entry(&sample, IPC_WAIT_SAMPLE);
      expect(taker, value, ++sample_number, 0);
    }
    no_entry();
    seed++;
    FINISH(start(write_one, NULL));
    one_entry(&change, IPC_WAIT_CHANGE);
    Value value;
    CHECK_EQUAL(ipc_cell_read(reader, &value, NULL), 0);
    check_value(&value, seed);
    no_entry();
    pid_t caller = start(request_one, NULL);
    one_entry(&request_tag, IPC_WAIT_REQUEST);
    ipc_request_t request = expect_request(server, "x", 0);
    no_entry();
    reply_with(server, &request, "y");
    FINISH(caller);
    no_entry();
    /* This process's own server has nothing to do with the reply of another one. */
    CHECK_EQUAL(ipc_waitset_remove(set, &request_tag), 0);
    uint64_t id = send_text(client, "later", 0);
    FINISH(start(reply_one, NULL));
    one_entry(&reply_tag, IPC_WAIT_REPLY);
    expect_later(client, id, "z");
    no_entry();
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_REQUEST, server, &request_tag), 0);
  }
}

static void by_descriptor(void) {
  int descriptor = ipc_waitset_fd(set);
  CHECK(descriptor >= 3);
  for (int round = 0; round < 5; round++) {
    ipc_ready_t ready;
    no_entry();
    no_entry();
    CHECK_EQUAL(reported(descriptor) & POLLIN, 0);
    seed++;
    FINISH(start(write_one, NULL));
    await_events(descriptor, POLLIN);
    CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), 1);
    CHECK_EQUAL(reported(descriptor) & POLLIN, POLLIN); /* the value was not read yet */
    Value value;
    CHECK_EQUAL(ipc_cell_read(reader, &value, NULL), 0);
  }
}

static void in_child(void *unused) {
  (void)unused;
  /* A child has no client's place before its first call, which the set reports as ready. */
  char buffer[SIZE];
  uint64_t id;
  CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &id, 0), -EAGAIN);
  rounds(2);
  by_descriptor();
  CHECK_EQUAL(ipc_waitset_close(set), 0);
}

/* The handles are closed one after the other, and the names are removed before. */
static void closing(void) {
  CHECK_EQUAL(ipc_topic_unlink(topic_id), 0);
  CHECK_EQUAL(ipc_cell_unlink(cell_id), 0);
  CHECK_EQUAL(ipc_service_unlink(service_id), 0);
  no_entry();
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  one_entry(&sample, IPC_WAIT_SAMPLE);
  CHECK_EQUAL(ipc_topic_receive(taker, &seed, sizeof seed, NULL, 0), -EBADF);
  CHECK_EQUAL(ipc_waitset_remove(set, &sample), 0);
  no_entry();
  CHECK_EQUAL(ipc_cell_close(reader), 0);
  one_entry(&change, IPC_WAIT_CHANGE);
  CHECK_EQUAL(ipc_waitset_remove(set, &change), 0);
  CHECK_EQUAL(ipc_client_close(client), 0);
  one_entry(&reply_tag, IPC_WAIT_REPLY);
  CHECK_EQUAL(ipc_waitset_remove(set, &reply_tag), 0);
  no_entry();
  CHECK_EQUAL(ipc_service_close(server), 0);
  one_entry(&request_tag, IPC_WAIT_REQUEST);
  CHECK_EQUAL(ipc_waitset_remove(set, &request_tag), 0);
  no_entry();
}

/* An object that does not fit is refused, and nothing is added. */
static void refusals(ipc_topic_t *topic) {
  void *const objects[] = { taker, reader, server, client };
  for (int what = IPC_WAIT_SAMPLE; what <= IPC_WAIT_REPLY; what++) {
    CHECK_EQUAL(ipc_waitset_add(set, what, NULL, &seed), -EINVAL);
    CHECK_EQUAL(ipc_waitset_add(NULL, what, objects[what - IPC_WAIT_SAMPLE], &seed), -EINVAL);
    CHECK_EQUAL(ipc_waitset_add(set, what, set, &seed), -EBADF);
    for (int other = 0; other < 4; other++)
      if (other != what - IPC_WAIT_SAMPLE) CHECK_EQUAL(ipc_waitset_add(set, what, objects[other], &seed), -EBADF);
  }
  CHECK_FAILS(ipc_waitset_add(set, IPC_WAIT_SAMPLE, topic, &seed), -EBADF, "publishes");
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, taker, &seed), -EBADF);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, reader, &seed), -EINVAL);
  CHECK_EQUAL(ipc_waitset_remove(set, &seed), -ENOENT);
}

static const char *name_for(const char *what, int lane, const char *(*make)(const char *)) {
  char suffix[24];
  snprintf(suffix, sizeof suffix, "%s-%d", what, lane);
  return make(suffix);
}

static void run(enum lane lane) {
  static const ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4 };
  topic_id = name_for("topic", lane, topic_name);
  cell_id = name_for("cell", lane, unique_name);
  service_id = name_for("service", lane, unique_name);
  ipc_topic_t *topic = publisher(topic_id, &attr);
  taker = subscriber(topic_id);
  reader = open_cell(cell_id, IPC_CREATE, 0600);
  server = serve(service_id, &service_attr);
  client = client_of(service_id, IPC_CLIENT_WAIT);
  write_value(reader, seed);
  expect_value(reader, seed, 1); /* before it is in a set */
  int before = open_descriptors();
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  refusals(topic);
  add_all();
  rounds(3);
  by_descriptor();
  FINISH(start(in_child, NULL));
  ipc_ready_t ready[4];
  /* What the child published and wrote is new here. */
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), 2);
  uint64_t found;
  while (ipc_topic_receive(taker, &found, sizeof found, NULL, 0) == 8) sample_number++;
  Value value;
  CHECK_EQUAL(ipc_cell_read(reader, &value, NULL), 0);
  rounds(1);
  closing();
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  CHECK(open_descriptors() <= before);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  in_each_lane(run);
  return 0;
}
