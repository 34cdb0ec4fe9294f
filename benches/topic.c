/* Topics: one way between two processes beside a cache line, a stream, frames of 1 MiB in place, and what publishing costs with 1, 8
 * and 200 subscribers. Every payload is written and read. */
#include "bench.h"

#include <stdatomic.h>

enum { STEPS = 100000, FRAMES = 500, FRAME = 1 << 20, SENDS = 100000 };

typedef struct {
  _Alignas(128) _Atomic uint64_t there;
  _Alignas(128) _Atomic uint64_t back;
  _Alignas(128) _Atomic int ready;
} Lines;

static Lines *lines;
static char names[2][64];

static ipc_topic_t *open_topic(int which, int flags, size_t size, size_t capacity, size_t subscribers, int wait) {
  ipc_topic_attr_t attr = {
    .sample_size = size, .capacity = capacity, .max_subscribers = subscribers, .flags = wait ? IPC_TOPIC_WAIT : 0
  };
  ipc_topic_t *topic;
  REQUIRE(ipc_topic_open(&topic, names[which], &attr, IPC_CREATE | flags, 0600) >= 0);
  return topic;
}

static void remove_topics(void) {
  for (int i = 0; i < 2; i++) ipc_topic_unlink(names[i]);
}

static pid_t fork_pinned(int *is_child) {
  lines->ready = 0;
  pid_t child = fork();
  REQUIRE(child >= 0);
  *is_child = child == 0;
  bench_pin(*is_child);
  lines->ready++;
  while (lines->ready < 2) sched_yield();
  return child;
}

static void finish(pid_t child) {
  int status;
  REQUIRE(waitpid(child, &status, 0) == child && status == 0);
}

/* A bound: one way of a cache line between the two processors. */
static double cache_line(void) {
  int is_child;
  lines->there = lines->back = 0;
  pid_t child = fork_pinned(&is_child);
  double start = bench_now_ns();
  for (uint64_t i = 1; i <= STEPS; i++) {
    if (!is_child) atomic_store_explicit(&lines->there, i, memory_order_release);
    while (atomic_load_explicit(is_child ? &lines->there : &lines->back, memory_order_acquire) != i) {}
    if (is_child) atomic_store_explicit(&lines->back, i, memory_order_release);
  }
  if (is_child) _exit(0);
  double took = bench_now_ns() - start;
  finish(child);
  return took / STEPS / 2;
}

static double one_way(void) {
  int is_child;
  uint64_t sample[8] = { 0 };
  ipc_topic_t *ends[2][2]; /* [topic][0: publisher, 1: subscriber] */
  for (int i = 0; i < 2; i++) {
    ends[i][0] = open_topic(i, IPC_WRITE_ONLY, 64, 16, 4, 0);
    ends[i][1] = open_topic(i, IPC_READ_ONLY, 64, 16, 4, 0);
  }
  pid_t child = fork_pinned(&is_child);
  double start = bench_now_ns();
  for (uint64_t i = 1; i <= STEPS; i++) {
    if (!is_child) {
      for (int j = 0; j < 8; j++) sample[j] = i;
      REQUIRE(ipc_topic_send(ends[0][0], sample, sizeof sample, 0) == 0);
    }
    REQUIRE(ipc_topic_receive(ends[is_child ? 0 : 1][1], sample, sizeof sample, NULL, IPC_FOREVER) == 64);
    for (int j = 0; j < 8; j++) REQUIRE(sample[j] == i);
    if (is_child) REQUIRE(ipc_topic_send(ends[1][0], sample, sizeof sample, 0) == 0);
  }
  if (is_child) _exit(0);
  double took = bench_now_ns() - start;
  finish(child);
  for (int i = 0; i < 4; i++) ipc_topic_close(ends[i / 2][i % 2]);
  remove_topics();
  return took / STEPS / 2;
}

/* A stream in which nothing is lost. */
static double stream(size_t size, int count, size_t capacity) {
  int is_child;
  ipc_topic_t *taker = open_topic(0, IPC_READ_ONLY, size, capacity, 2, 1);
  pid_t child = fork_pinned(&is_child);
  if (is_child) {
    ipc_topic_t *topic = open_topic(0, IPC_WRITE_ONLY, size, capacity, 2, 1);
    ipc_topic_close(taker); /* its copy: the parent's place stays */
    for (int i = 0; i < count; i++) {
      void *place;
      REQUIRE(ipc_topic_reserve(topic, &place, size, IPC_FOREVER) == 0);
      for (size_t j = 0; j < size / 8; j++) ((uint64_t *)place)[j] = (uint64_t)i;
      REQUIRE(ipc_topic_commit(topic, place, size) == 0);
    }
    _exit(0);
  }
  double start = bench_now_ns();
  for (int i = 0; i < count; i++) {
    const void *place;
    REQUIRE(ipc_topic_borrow(taker, &place, NULL, IPC_FOREVER) == (ssize_t)size);
    uint64_t sum = 0;
    for (size_t j = 0; j < size / 8; j++) sum += ((const uint64_t *)place)[j];
    REQUIRE(sum == (uint64_t)i * (size / 8));
    REQUIRE(ipc_topic_return(taker, place) == 0);
  }
  double took = bench_now_ns() - start;
  finish(child);
  ipc_topic_close(taker);
  remove_topics();
  return took / count;
}

static double small_stream(void) { return stream(64, STEPS, 64); }
static double frames(void) { return stream(FRAME, FRAMES, 4); }

static double publishing(int subscribers) {
  ipc_topic_t *takers[200], *topic = open_topic(0, IPC_WRITE_ONLY, 64, 64, 200, 0);
  uint64_t sample[8] = { 0 };
  for (int i = 0; i < subscribers; i++) takers[i] = open_topic(0, IPC_READ_ONLY, 64, 64, 200, 0);
  double start = bench_now_ns();
  for (int i = 0; i < SENDS; i++) REQUIRE(ipc_topic_send(topic, sample, sizeof sample, 0) == 0);
  double took = bench_now_ns() - start;
  for (int i = 0; i < subscribers; i++) ipc_topic_close(takers[i]);
  ipc_topic_close(topic);
  remove_topics();
  return took / SENDS;
}

static double publishing_1(void) { return publishing(1); }
static double publishing_8(void) { return publishing(8); }
static double publishing_200(void) { return publishing(200); }

int main(void) {
  lines = bench_shared(sizeof *lines);
  for (int i = 0; i < 2; i++) snprintf(names[i], sizeof names[i], "/ripc-bench-%d-%d", (int)getpid(), i);
  printf("Topics\n");
  bench_row("one way, 64 bytes", "a cache line, one way", one_way, cache_line);
  bench_row("publishing to 8 subscribers, 64 bytes", "to 1 subscriber", publishing_8, publishing_1);
  bench_row("publishing to 200 subscribers, 64 bytes", "to 1 subscriber", publishing_200, publishing_1);
  bench_row("a stream in place, 64 bytes", "one way", small_stream, one_way);
  bench_row("frames of 1 MiB in place", "64 bytes in place", frames, small_stream);
  return 0;
}
