/* A new subscriber first gets up to `history` of the samples that were published before, and misses none by that. */
#include "topic.h"

int main(void) {
  const char *name = topic_name("history");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 8, .history = 3 };
  ipc_topic_t *topic = publisher(name, &attr);
  for (uint64_t published = 0; published <= 20; published++) {
    ipc_topic_t *late = subscriber(name);
    uint64_t first = published > 3 ? published - 2 : 1;
    for (uint64_t number = first; number <= published; number++) expect(late, number, number, 0);
    expect_nothing(late);
    publish(topic, published + 1);
    expect(late, published + 1, published + 1, 0);
    CHECK_EQUAL(ipc_topic_close(late), 0);
  }
  /* The history of a subscriber that is slow is counted like all else. */
  ipc_topic_t *slow = subscriber(name);
  for (uint64_t i = 22; i <= 31; i++) publish(topic, i);
  expect(slow, 24, 24, 5);
  CHECK_EQUAL(ipc_topic_close(slow), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  /* Without a history, a new subscriber begins with the next sample. */
  attr.history = 0;
  topic = publisher(name, &attr);
  publish(topic, 1);
  slow = subscriber(name);
  expect_nothing(slow);
  publish(topic, 2);
  expect(slow, 2, 2, 0);
  CHECK_EQUAL(ipc_topic_close(slow), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
