/* In a topic with IPC_TOPIC_WAIT no subscriber misses a sample, with several publishers that send and write in place and several
 * subscribers that receive and borrow. */
#include "topic.h"

enum { SUBSCRIBERS = 3, PUBLISHERS = 2, SAMPLES = 2000 };

static const char *name;
static _Atomic int *ready;

static void publish_all(void *argument) {
  ipc_topic_t *topic = publisher(name, NULL);
  for (uint64_t i = 0; i < SAMPLES; i++) {
    uint64_t value = (uint64_t)(size_t)argument << 32 | i;
    if (i % 3 == 0) {
      publish(topic, value);
      continue;
    }
    void *place;
    CHECK_EQUAL(ipc_topic_reserve(topic, &place, 8, PATIENCE), 0);
    *(uint64_t *)place = value;
    CHECK_EQUAL(ipc_topic_commit(topic, place, 8), 0);
  }
  CHECK_EQUAL(ipc_topic_close(topic), 0);
}

static void take_all(void *argument) {
  ipc_topic_t *topic = subscriber(name);
  uint64_t next[PUBLISHERS] = {0};
  ++*ready;
  for (uint64_t number = 1; number <= PUBLISHERS * SAMPLES; number++) {
    const void *sample;
    uint64_t value;
    ipc_sample_t info;
    if ((size_t)argument == 0) {
      CHECK_EQUAL(ipc_topic_receive(topic, &value, sizeof value, &info, PATIENCE), 8);
    } else {
      CHECK_EQUAL(ipc_topic_borrow(topic, &sample, &info, PATIENCE), 8);
      value = *(const uint64_t *)sample;
      CHECK_EQUAL(ipc_topic_return(topic, sample), 0);
    }
    CHECK_EQUAL(info.number, number);
    CHECK_EQUAL(info.missed, 0);
    CHECK_EQUAL(value & 0xffffffff, next[value >> 32]++);
  }
  expect_nothing(topic);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
}

int main(void) {
  name = topic_name("nothing-lost");
  ready = shared_memory(sizeof *ready);
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 5, .max_borrowed = 1, .flags = IPC_TOPIC_WAIT };
  ipc_topic_t *first = publisher(name, &attr);
  pid_t subscribers[SUBSCRIBERS], publishers[PUBLISHERS];
  for (int i = 0; i < SUBSCRIBERS; i++) subscribers[i] = start(take_all, (void *)(size_t)i);
  while (*ready < SUBSCRIBERS) sched_yield();
  for (int i = 0; i < PUBLISHERS; i++) publishers[i] = start(publish_all, (void *)(size_t)i);
  for (int i = 0; i < PUBLISHERS; i++) FINISH(publishers[i]);
  for (int i = 0; i < SUBSCRIBERS; i++) FINISH(subscribers[i]);
  CHECK_EQUAL(ipc_topic_close(first), 0);
  return 0;
}
