/* The descriptor of a subscriber is readable while it has a sample to take, whoever publishes. */
#include "topic.h"
#include <poll.h>

static const char *name;

static int is_readable(ipc_topic_t *topic, int timeout_ms) {
  struct pollfd entry = { .fd = ipc_topic_fd(topic), .events = POLLIN };
  CHECK(entry.fd >= 3);
  int ready = poll(&entry, 1, timeout_ms);
  CHECK(ready >= 0);
  return ready && (entry.revents & POLLIN);
}

static void publish_one(void *value) {
  ipc_topic_t *topic = publisher(name, NULL);
  publish(topic, (uint64_t)(size_t)value);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
}

int main(void) {
  name = topic_name("polled");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4 };
  ipc_topic_t *topic = publisher(name, &attr), *taker = subscriber(name), *second = subscriber(name);
  CHECK_EQUAL(ipc_topic_fd(topic), -EBADF);
  CHECK_EQUAL(ipc_topic_fd(NULL), -EINVAL);
  (void)is_readable(taker, 0);
  expect_nothing(taker);
  CHECK(!is_readable(taker, 0));
  CHECK_EQUAL(ipc_topic_fd(taker), ipc_topic_fd(taker));
  for (uint64_t round = 1; round <= 20; round++) {
    pid_t child = start(publish_one, (void *)(size_t)round);
    CHECK(is_readable(taker, 100000));
    expect(taker, round, round, 0);
    FINISH(child);
    expect_nothing(taker);
    CHECK(!is_readable(taker, 0));
    expect(second, round, round, 0); /* a subscriber without a descriptor */
  }
  /* In place, and several samples. */
  for (uint64_t i = 21; i <= 23; i++) publish(topic, i);
  const void *sample;
  for (uint64_t i = 21; i <= 23; i++) {
    CHECK(is_readable(taker, 100000));
    CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, 0), 8);
    CHECK_EQUAL(*(const uint64_t *)sample, i);
    CHECK_EQUAL(ipc_topic_return(taker, sample), 0);
  }
  expect_nothing(taker);
  CHECK(!is_readable(taker, 0));
  int before = open_descriptors();
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK(open_descriptors() < before);
  CHECK_EQUAL(ipc_topic_close(second), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
