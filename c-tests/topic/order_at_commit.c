/* Samples are numbered in the order of commit, not of reserve. An abandoned sample takes no number. A stopped publisher that has
 * reserved a sample delays nobody. */
#include "topic.h"

int main(void) {
  const char *name = topic_name("order");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4 };
  ipc_topic_t *one = publisher(name, &attr), *two = publisher(name, NULL), *taker = subscriber(name);
  void *a, *b, *c, *d;
  CHECK_EQUAL(ipc_topic_reserve(one, &a, 8, 0), 0);
  CHECK_EQUAL(ipc_topic_reserve(two, &b, 8, 0), 0);
  CHECK_EQUAL(ipc_topic_reserve(one, &c, 8, 0), 0);
  CHECK_EQUAL(ipc_topic_reserve(two, &d, 8, 0), 0);
  *(uint64_t *)a = 1;
  *(uint64_t *)b = 2;
  *(uint64_t *)c = 3;
  CHECK_EQUAL(ipc_topic_commit(one, c, 8), 0);
  publish(two, 4);
  CHECK_EQUAL(ipc_topic_abandon(two, d), 0);
  CHECK_EQUAL(ipc_topic_commit(two, b, 8), 0);
  CHECK_EQUAL(ipc_topic_commit(one, a, 8), 0);
  expect(taker, 3, 1, 0);
  expect(taker, 4, 2, 0);
  expect(taker, 2, 3, 0);
  expect(taker, 1, 4, 0);
  /* A sample belongs to the handle that has reserved it, and is committed or abandoned once. */
  CHECK_EQUAL(ipc_topic_commit(one, a, 8), -EINVAL);
  CHECK_EQUAL(ipc_topic_abandon(two, d), -EINVAL);
  CHECK_EQUAL(ipc_topic_reserve(one, &a, 8, 0), 0);
  CHECK_EQUAL(ipc_topic_commit(two, a, 8), -EINVAL);
  CHECK_EQUAL(ipc_topic_abandon(two, a), -EINVAL);
  CHECK_EQUAL(ipc_topic_commit(one, (char *)a + 1, 8), -EINVAL);
  CHECK_EQUAL(ipc_topic_commit(one, (char *)a - 4096 * 1000, 8), -EINVAL);
  CHECK_EQUAL(ipc_topic_close(one), -EBUSY);
  CHECK_EQUAL(ipc_topic_abandon(one, a), 0);
  expect_nothing(taker);
  CHECK_EQUAL(ipc_topic_close(one), 0);
  CHECK_EQUAL(ipc_topic_close(two), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  return 0;
}
