/* A publisher overwrites what a slow subscriber has not taken. The subscriber then gets the latest `capacity` samples and
 * the exact number of those that it has missed. Other subscribers miss nothing. Capacities of all forms. */
#include "topic.h"

static void one(unsigned capacity) {
  const char *name = topic_name("overwrite");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = capacity };
  ipc_topic_t *topic = publisher(name, &attr), *slow = subscriber(name), *fast = subscriber(name);
  uint64_t published = 0, taken = 0;
  for (unsigned round = 0; round < 50; round++) {
    unsigned count = round % (3 * capacity + 2);
    for (unsigned i = 0; i < count; i++) {
      publish(topic, ++published);
      expect(fast, published, published, 0);
    }
    uint64_t oldest = published > capacity ? published - capacity + 1 : 1;
    uint64_t missed = oldest > taken + 1 ? oldest - taken - 1 : 0;
    while (taken < published) {
      taken += missed + 1;
      expect(slow, taken, taken, missed);
      missed = 0;
      if (taken % 5 == 0) break; /* it does not always take all */
    }
  }
  CHECK_EQUAL(ipc_topic_close(slow), 0);
  CHECK_EQUAL(ipc_topic_close(fast), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
}

int main(void) {
  one(1);
  one(2);
  one(3);
  one(7);
  one(64);
  return 0;
}
