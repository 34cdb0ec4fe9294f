/* A forked child is one more subscriber, at its parent's position, or one more publisher. What the parent has borrowed or
 * reserved stays the parent's, also if the child closes its copy of the handle or dies. */
#include "topic.h"

static ipc_topic_t *topic, *taker;
static const void *borrowed;
static void *reserved;

static void be_child(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_topic_return(taker, borrowed), -EINVAL);
  CHECK_EQUAL(ipc_topic_commit(topic, reserved, 8), -EINVAL);
  CHECK_EQUAL(ipc_topic_abandon(topic, reserved), -EINVAL);
  expect(taker, 2, 2, 0);
  CHECK_EQUAL(ipc_topic_return(taker, borrowed), -EINVAL);
  publish(topic, 3);
  expect(taker, 3, 3, 0);
  ipc_topic_stat_t stat = state_of_topic(topic);
  CHECK_EQUAL(stat.subscribers, 2);
  CHECK_EQUAL(stat.publishers, 2);
  CHECK_EQUAL(stat.borrowed_samples, 1);
  CHECK_EQUAL(stat.reserved_samples, 1);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
}

static void close_unused(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
}

static void find_no_place(void *unused) {
  (void)unused;
  uint64_t value = 0;
  CHECK_EQUAL(ipc_topic_send(topic, &value, 8, 0), -EUSERS);
  CHECK_EQUAL(ipc_topic_receive(taker, &value, 8, NULL, 0), -EUSERS);
}

int main(void) {
  const char *name = topic_name("forked");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4, .max_publishers = 2, .max_subscribers = 2 };
  topic = publisher(name, &attr);
  taker = subscriber(name);
  publish(topic, 1);
  publish(topic, 2);
  CHECK_EQUAL(ipc_topic_borrow(taker, &borrowed, NULL, 0), 8);
  CHECK_EQUAL(ipc_topic_reserve(topic, &reserved, 8, 0), 0);
  FINISH(start(close_unused, NULL));
  FINISH(start(be_child, NULL));
  ipc_topic_stat_t stat = state_of_topic(topic);
  CHECK_EQUAL(stat.subscribers, 1);
  CHECK_EQUAL(stat.publishers, 1);
  CHECK_EQUAL(*(const uint64_t *)borrowed, 1);
  CHECK_EQUAL(ipc_topic_return(taker, borrowed), 0);
  *(uint64_t *)reserved = 4;
  CHECK_EQUAL(ipc_topic_commit(topic, reserved, 8), 0);
  expect(taker, 2, 2, 0);
  expect(taker, 3, 3, 0);
  expect(taker, 4, 4, 0);
  ipc_topic_t *others[2] = { publisher(name, NULL), subscriber(name) };
  FINISH(start(find_no_place, NULL));
  CHECK_EQUAL(ipc_topic_close(others[0]), 0);
  CHECK_EQUAL(ipc_topic_close(others[1]), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  return 0;
}
