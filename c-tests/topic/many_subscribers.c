/* 1,024 subscribers work. One more is refused, and gets in when one has left. */
#include "topic.h"

#include <sys/resource.h>

enum { SUBSCRIBERS = 1024 };

/* Each handle has two descriptors. */
static void allow_descriptors(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_max < 2 * SUBSCRIBERS + 64) SKIP("the limit of open files cannot be raised");
  limit.rlim_cur = limit.rlim_max;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

int main(void) {
  allow_descriptors();
  const char *name = topic_name("many");
  ipc_topic_attr_t attr = {
    .sample_size = 8, .capacity = 4, .max_subscribers = SUBSCRIBERS, .max_borrowed = 1, .max_publishers = 1
  };
  static ipc_topic_t *subscribers[SUBSCRIBERS];
  ipc_topic_t *topic = publisher(name, &attr), *another;
  for (int i = 0; i < SUBSCRIBERS; i++) subscribers[i] = subscriber(name);
  CHECK_FAILS(ipc_topic_open(&another, name, NULL, IPC_READ_ONLY, 0), -EUSERS, "1024");
  for (uint64_t i = 1; i <= 3; i++) publish(topic, i);
  for (int i = 0; i < SUBSCRIBERS; i++)
    for (uint64_t number = 1; number <= 3; number++) expect(subscribers[i], number, number, 0);
  CHECK_EQUAL(state_of_topic(topic).subscribers, SUBSCRIBERS);
  CHECK_EQUAL(ipc_topic_close(subscribers[500]), 0);
  subscribers[500] = subscriber(name);
  for (int i = 0; i < SUBSCRIBERS; i++) CHECK_EQUAL(ipc_topic_close(subscribers[i]), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
