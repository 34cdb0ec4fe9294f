/* For tests of topics: topics of numbered texts. A test's end removes both files of a topic. */
#ifndef TOPIC_H
#define TOPIC_H

#include "test.h"

static char topic_names[8][64];
static int topic_name_count;
static pid_t topic_pid;

static inline void topic_remove_names(void) {
  if (getpid() != topic_pid) return; /* a child leaves them to its parent */
  for (int i = 0; i < topic_name_count; i++) ipc_topic_unlink(topic_names[i]);
}

/* A name that no other running test has. */
__attribute__((unused)) static const char *topic_name(const char *suffix) {
  if (topic_name_count == 0) {
    topic_pid = getpid();
    atexit(topic_remove_names);
  }
  CHECK(topic_name_count < 8);
  char *name = topic_names[topic_name_count++];
  snprintf(name, sizeof topic_names[0], "/ripc-test-%d-%s", (int)getpid(), suffix);
  return name;
}

__attribute__((unused)) static ipc_topic_t *publisher(const char *name, const ipc_topic_attr_t *attr) {
  ipc_topic_t *topic = NULL;
  CHECK(ipc_topic_open(&topic, name, attr, attr != NULL ? IPC_CREATE | IPC_WRITE_ONLY : IPC_WRITE_ONLY, 0600) >= 0);
  return topic;
}

__attribute__((unused)) static ipc_topic_t *subscriber(const char *name) {
  ipc_topic_t *topic = NULL;
  CHECK_EQUAL(ipc_topic_open(&topic, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  return topic;
}

/* Publishes `value` as a sample of 8 bytes. */
__attribute__((unused)) static void publish(ipc_topic_t *topic, uint64_t value) {
  CHECK_EQUAL(ipc_topic_send(topic, &value, sizeof value, PATIENCE), 0);
}

/* Takes the next sample, which has to be `value` and to have these properties. */
__attribute__((unused)) static void expect(ipc_topic_t *topic, uint64_t value, uint64_t number, uint64_t missed) {
  uint64_t found = 0;
  ipc_sample_t info;
  CHECK_EQUAL(ipc_topic_receive(topic, &found, sizeof found, &info, PATIENCE), 8);
  CHECK_EQUAL(found, value);
  CHECK_EQUAL(info.number, number);
  CHECK_EQUAL(info.missed, missed);
}

__attribute__((unused)) static void expect_nothing(ipc_topic_t *topic) {
  uint64_t found;
  CHECK_EQUAL(ipc_topic_receive(topic, &found, sizeof found, NULL, 0), -EAGAIN);
}

__attribute__((unused)) static ipc_topic_stat_t state_of_topic(ipc_topic_t *topic) {
  ipc_topic_stat_t stat;
  CHECK_EQUAL(ipc_topic_stat(topic, &stat), 0);
  return stat;
}

#endif
