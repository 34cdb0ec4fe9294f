/* Threads may share a handle: each sample goes to one of them, and none is lost. A thread may return or commit what another one has
 * borrowed or reserved, also after that one has ended. */
#include "topic.h"
#include <pthread.h>

enum { THREADS = 4, SAMPLES = 4000 };

static ipc_topic_t *topic, *taker;
static _Atomic unsigned char taken[SAMPLES + 1];
static _Atomic int left = SAMPLES;

static void *take_some(void *unused) {
  (void)unused;
  while (left > 0) {
    uint64_t value;
    ipc_sample_t info;
    const void *sample;
    ssize_t length;
    if (left % 2) {
      length = ipc_topic_receive(taker, &value, sizeof value, &info, MILLISECOND);
    } else {
      length = ipc_topic_borrow(taker, &sample, &info, MILLISECOND);
      if (length == 8) value = *(const uint64_t *)sample;
      if (length == 8) CHECK_EQUAL(ipc_topic_return(taker, sample), 0);
    }
    if (length == -ETIMEDOUT || length == -ENOBUFS) continue;
    CHECK_EQUAL(length, 8);
    CHECK_EQUAL(value, info.number);
    CHECK_EQUAL(taken[value]++, 0);
    left--;
  }
  return NULL;
}

static void *borrow_one(void *out) {
  CHECK_EQUAL(ipc_topic_borrow(taker, out, NULL, PATIENCE), 8);
  return NULL;
}

static void *reserve_one(void *out) {
  CHECK_EQUAL(ipc_topic_reserve(topic, out, 8, PATIENCE), 0);
  return NULL;
}

int main(void) {
  const char *name = topic_name("threads");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 16, .max_subscribers = 2, .flags = IPC_TOPIC_WAIT };
  topic = publisher(name, &attr);
  taker = subscriber(name);
  pthread_t threads[THREADS], one;
  for (int i = 0; i < THREADS; i++) CHECK_EQUAL(pthread_create(&threads[i], NULL, take_some, NULL), 0);
  for (uint64_t i = 1; i <= SAMPLES; i++) publish(topic, i);
  for (int i = 0; i < THREADS; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  for (int i = 1; i <= SAMPLES; i++) CHECK_EQUAL(taken[i], 1);
  const uint64_t *sample;
  uint64_t *place;
  CHECK_EQUAL(pthread_create(&one, NULL, reserve_one, &place), 0);
  CHECK_EQUAL(pthread_join(one, NULL), 0);
  *place = 77;
  CHECK_EQUAL(ipc_topic_commit(topic, place, 8), 0);
  CHECK_EQUAL(pthread_create(&one, NULL, borrow_one, &sample), 0);
  CHECK_EQUAL(pthread_join(one, NULL), 0);
  for (uint64_t i = 0; i < 16; i++) publish(topic, i);
  CHECK_EQUAL(*sample, 77);
  CHECK_EQUAL(state_of_topic(topic).borrowed_samples, 1);
  CHECK_EQUAL(ipc_topic_return(taker, sample), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
