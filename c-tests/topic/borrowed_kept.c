/* A borrowed sample is never overwritten, even if every subscriber has borrowed as many as it may, every publisher has
 * reserved as many as it may, and the others publish on. Nobody waits. */
#include "topic.h"

enum { SUBSCRIBERS = 6, BORROWED = 3, PUBLISHERS = 2 };

int main(void) {
  const char *name = topic_name("borrowed");
  ipc_topic_attr_t attr = {
    .sample_size = 512, .capacity = 2, .max_subscribers = SUBSCRIBERS, .max_publishers = PUBLISHERS, .max_borrowed = BORROWED
  };
  ipc_topic_t *publishers[PUBLISHERS], *subscribers[SUBSCRIBERS];
  const uint64_t *borrowed[SUBSCRIBERS][BORROWED];
  void *reserved[PUBLISHERS][BORROWED], *no_more;
  const void *none;
  uint64_t sample[64], value = 0;
  for (int i = 0; i < PUBLISHERS; i++) publishers[i] = publisher(name, &attr);
  for (int i = 0; i < SUBSCRIBERS; i++) subscribers[i] = subscriber(name);
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < PUBLISHERS; i++) {
      for (int j = 0; j < BORROWED; j++) CHECK_EQUAL(ipc_topic_reserve(publishers[i], &reserved[i][j], 512, 0), 0);
      CHECK_FAILS(ipc_topic_reserve(publishers[i], &no_more, 8, 0), -ENOBUFS, "max_borrowed");
    }
    /* Every subscriber borrows other samples. */
    for (int i = 0; i < SUBSCRIBERS; i++)
      for (int j = 0; j < BORROWED; j++) {
        value++;
        for (int k = 0; k < 64; k++) sample[k] = value;
        CHECK_EQUAL(ipc_topic_send(publishers[value % PUBLISHERS], sample, sizeof sample, 0), 0);
        ipc_sample_t info;
        do CHECK_EQUAL(ipc_topic_borrow(subscribers[i], (const void **)&borrowed[i][j], &info, 0), 512);
        while (info.number < value && ipc_topic_return(subscribers[i], borrowed[i][j]) == 0);
        CHECK_EQUAL(info.number, value);
      }
    CHECK_FAILS(ipc_topic_send(publishers[0], sample, 513, 0), -EMSGSIZE, "512");
    uint64_t last = value;
    for (int i = 0; i < 200; i++) {
      value++;
      for (int k = 0; k < 64; k++) sample[k] = value;
      CHECK_EQUAL(ipc_topic_send(publishers[i % PUBLISHERS], sample, sizeof sample, 0), 0);
    }
    for (int i = 0; i < SUBSCRIBERS; i++) {
      CHECK_FAILS(ipc_topic_borrow(subscribers[i], &none, NULL, 0), -ENOBUFS, "max_borrowed");
      for (int j = 0; j < BORROWED; j++) {
        uint64_t expected = last - (uint64_t)(SUBSCRIBERS * BORROWED - 1 - i * BORROWED - j);
        for (int k = 0; k < 64; k++) CHECK_EQUAL(borrowed[i][j][k], expected);
        CHECK_EQUAL(ipc_topic_return(subscribers[i], borrowed[i][j]), 0);
      }
    }
    CHECK_EQUAL(state_of_topic(publishers[0]).borrowed_samples, 0);
    CHECK_EQUAL(state_of_topic(publishers[0]).reserved_samples, PUBLISHERS * BORROWED);
    for (int i = 0; i < PUBLISHERS; i++)
      for (int j = 0; j < BORROWED; j++) CHECK_EQUAL(ipc_topic_abandon(publishers[i], reserved[i][j]), 0);
    CHECK_EQUAL(state_of_topic(publishers[0]).reserved_samples, 0);
  }
  for (int i = 0; i < SUBSCRIBERS; i++) CHECK_EQUAL(ipc_topic_close(subscribers[i]), 0);
  for (int i = 0; i < PUBLISHERS; i++) CHECK_EQUAL(ipc_topic_close(publishers[i]), 0);
  return 0;
}
