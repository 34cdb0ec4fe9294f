/* Samples have any length from 0 to sample_size, sent or written in place, received or read in place. */
#include "topic.h"

static unsigned char data[20001], buffer[20001];

static void round_trip(ipc_topic_t *topic, ipc_topic_t *taker, size_t size, size_t length) {
  void *place;
  const void *seen;
  ipc_sample_t info;
  for (size_t i = 0; i < length; i++) data[i] = (unsigned char)(i * 7 + length);
  CHECK_EQUAL(ipc_topic_send(topic, length ? data : NULL, length, 0), 0);
  memset(buffer, 0, sizeof buffer);
  CHECK_EQUAL(ipc_topic_receive(taker, buffer, sizeof buffer, &info, 0), length);
  CHECK(memcmp(buffer, data, length) == 0 && buffer[length] == 0);
  CHECK_EQUAL(ipc_topic_reserve(topic, &place, length, 0), 0);
  CHECK_EQUAL((size_t)place % 64, 0);
  memcpy(place, data, length);
  CHECK_EQUAL(ipc_topic_commit(topic, place, size + 1), -EMSGSIZE);
  CHECK_EQUAL(ipc_topic_commit(topic, place, length), 0);
  CHECK_EQUAL(ipc_topic_borrow(taker, &seen, &info, 0), length);
  CHECK_EQUAL((size_t)seen % 64, 0);
  CHECK(memcmp(seen, data, length) == 0);
  CHECK_EQUAL(info.publisher, getpid());
  CHECK_EQUAL(info.flags, 0);
  CHECK(info.time_ns <= now_ns() && info.time_ns > now_ns() - PATIENCE);
  CHECK_EQUAL(ipc_topic_return(taker, seen), 0);
  if (length == 0) return;
  /* A buffer that is too small leaves the sample where it is. */
  CHECK_EQUAL(ipc_topic_send(topic, data, length, 0), 0);
  CHECK_FAILS(ipc_topic_receive(taker, buffer, length - 1, NULL, 0), -EMSGSIZE, "buffer");
  CHECK_EQUAL(ipc_topic_receive(taker, buffer, length, NULL, 0), length);
}

int main(void) {
  static const size_t sizes[] = { 1, 8, 63, 64, 65, 4096, 8192, 8193, 20000 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const char *name = topic_name("lengths");
    topic_name_count = 1;
    ipc_topic_attr_t attr = { .sample_size = sizes[i], .capacity = 2, .max_subscribers = 1, .max_publishers = 1 };
    ipc_topic_t *topic = publisher(name, &attr), *taker = subscriber(name);
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes && sizes[j] <= sizes[i]; j++) {
      round_trip(topic, taker, sizes[i], sizes[j]);
      round_trip(topic, taker, sizes[i], sizes[j] - 1);
    }
    void *place;
    CHECK_FAILS(ipc_topic_send(topic, data, sizes[i] + 1, 0), -EMSGSIZE, "sample_size");
    CHECK_EQUAL(ipc_topic_reserve(topic, &place, sizes[i] + 1, 0), -EMSGSIZE);
    CHECK_EQUAL(ipc_topic_close(topic), 0);
    CHECK_EQUAL(ipc_topic_close(taker), 0);
    CHECK_EQUAL(ipc_topic_unlink(name), 0);
  }
  return 0;
}
