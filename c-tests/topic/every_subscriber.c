/* Every subscriber gets every sample of every publisher, in the order of the numbers, which have no gaps. */
#include "topic.h"

enum { SUBSCRIBERS = 5, PUBLISHERS = 3, SAMPLES = 300 };

static const char *name;

static void publish_all(void *argument) {
  ipc_topic_t *topic = publisher(name, NULL);
  for (uint64_t i = 0; i < SAMPLES; i++) publish(topic, (uint64_t)(size_t)argument << 32 | i);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
}

static void take_all(void *argument) {
  ipc_topic_t *topic = *(ipc_topic_t **)argument;
  uint64_t next[PUBLISHERS] = {0};
  for (uint64_t number = 1; number <= PUBLISHERS * SAMPLES; number++) {
    uint64_t value;
    ipc_sample_t info;
    CHECK_EQUAL(ipc_topic_receive(topic, &value, sizeof value, &info, PATIENCE), 8);
    CHECK_EQUAL(info.number, number);
    CHECK_EQUAL(info.missed, 0);
    CHECK_EQUAL(value & 0xffffffff, next[value >> 32]++);
  }
  expect_nothing(topic);
}

int main(void) {
  name = topic_name("every");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = PUBLISHERS * SAMPLES };
  ipc_topic_t *first = publisher(name, &attr), *topics[SUBSCRIBERS];
  pid_t subscribers[SUBSCRIBERS], publishers[PUBLISHERS];
  /* A forked child subscribes from its parent's position. */
  for (int i = 0; i < SUBSCRIBERS; i++) topics[i] = subscriber(name);
  for (int i = 0; i < SUBSCRIBERS; i++) subscribers[i] = start(take_all, &topics[i]);
  for (int i = 0; i < PUBLISHERS; i++) publishers[i] = start(publish_all, (void *)(size_t)i);
  for (int i = 0; i < PUBLISHERS; i++) FINISH(publishers[i]);
  for (int i = 0; i < SUBSCRIBERS; i++) FINISH(subscribers[i]);
  for (int i = 0; i < SUBSCRIBERS; i++) CHECK_EQUAL(ipc_topic_close(topics[i]), 0);
  CHECK_EQUAL(state_of_topic(first).published, PUBLISHERS * SAMPLES);
  CHECK_EQUAL(ipc_topic_close(first), 0);
  return 0;
}
