/* The place of a killed subscriber is free for the next one, and what it had borrowed is free. */
#include "topic.h"

static const char *name;
static _Atomic int *ready;

static void borrow_and_rest(void *unused) {
  (void)unused;
  ipc_topic_t *topic = subscriber(name);
  const void *sample;
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_topic_borrow(topic, &sample, NULL, 0), 8);
  *ready = 1;
  pause();
}

int main(void) {
  name = topic_name("killed");
  ready = shared_memory(sizeof *ready);
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4, .history = 4, .max_subscribers = 2 };
  ipc_topic_t *topic = publisher(name, &attr), *third;
  for (int round = 0; round < 30; round++) {
    for (uint64_t i = 0; i < 4; i++) publish(topic, i);
    *ready = 0;
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
      *ready = 0;
      children[i] = start(borrow_and_rest, NULL);
      while (!*ready) sched_yield();
    }
    CHECK_EQUAL(state_of_topic(topic).borrowed_samples, 8);
    CHECK_FAILS(ipc_topic_open(&third, name, NULL, IPC_READ_ONLY, 0), -EUSERS, "max_subscribers");
    for (int i = 0; i < 2; i++) KILL(children[i]);
    if (round % 2 == 0) {
      third = subscriber(name); /* without anybody who looks after the dead before */
      expect(third, 0, (uint64_t)round * 4 + 1, 0);
      CHECK_EQUAL(ipc_topic_close(third), 0);
    }
    CHECK_EQUAL(state_of_topic(topic).subscribers, 0);
    CHECK_EQUAL(state_of_topic(topic).borrowed_samples, 0);
  }
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
