/* A publisher that is killed before it commits leaves nothing: its sample is never published, its room is free, its place is
 * free, and samples that others commit meanwhile are numbered as if it had not been there. */
#include "topic.h"

static const char *name;
static _Atomic int *ready;

static void reserve_and_rest(void *unused) {
  (void)unused;
  ipc_topic_t *topic = publisher(name, NULL);
  void *place;
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(ipc_topic_reserve(topic, &place, 8, 0), 0);
    memset(place, 0xff, 8);
  }
  *ready = 1;
  pause();
}

int main(void) {
  name = topic_name("killed");
  ready = shared_memory(sizeof *ready);
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 2, .max_publishers = 2, .max_subscribers = 1 };
  ipc_topic_t *topic = publisher(name, &attr), *taker = subscriber(name), *third;
  for (uint64_t round = 0; round < 30; round++) {
    *ready = 0;
    pid_t child = start(reserve_and_rest, NULL);
    while (!*ready) sched_yield();
    CHECK_EQUAL(state_of_topic(topic).reserved_samples, 4);
    CHECK_EQUAL(state_of_topic(topic).publishers, 2);
    CHECK_FAILS(ipc_topic_open(&third, name, NULL, IPC_WRITE_ONLY, 0), -EUSERS, "max_publishers");
    publish(topic, 2 * round + 1);
    expect(taker, 2 * round + 1, 2 * round + 1, 0);
    KILL(child);
    publish(topic, 2 * round + 2);
    expect(taker, 2 * round + 2, 2 * round + 2, 0);
    if (round % 2 == 0) {
      third = publisher(name, NULL); /* in the dead one's place */
      CHECK_EQUAL(ipc_topic_close(third), 0);
    }
    CHECK_EQUAL(state_of_topic(topic).reserved_samples, 0);
    CHECK_EQUAL(state_of_topic(topic).publishers, 1);
    CHECK_EQUAL(state_of_topic(topic).abandoned, 4 * (round + 1));
  }
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
