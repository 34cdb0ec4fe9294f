/* For tests of real event loops: a daemon with a queue, an event, a child and a timer, which the test kills and starts
 * again. Each loop has its own way to wait for the set's descriptor. */
#ifndef LOOP_H
#define LOOP_H

#include "queue.h"
#include <poll.h>

#define LOOP_MESSAGES 300

typedef struct {
  ipc_event_t stop;
  int received, timers, children, ready; /* counted by the daemon */
} LoopShared;

static LoopShared *loop_shared;
static const char *loop_name;
static ipc_waitset_t *loop_set;
static ipc_mq_t *loop_queue;
static ipc_child_t *loop_child;
static int loop_timer_tag;

static inline void loop_spawn(void) {
  CHECK_EQUAL(ipc_spawn(&loop_child, (const char *const[]){ "/bin/true", NULL }, 0), 0);
  CHECK_EQUAL(ipc_waitset_add(loop_set, IPC_WAIT_CHILD, loop_child, &loop_child), 0);
}

/* In the daemon: opens everything. Returns the descriptor for the loop. */
static inline int loop_open(void) {
  loop_queue = join_queue(loop_name, 0);
  CHECK_EQUAL(ipc_waitset_open(&loop_set, 0), 0);
  CHECK_EQUAL(ipc_waitset_add(loop_set, IPC_WAIT_MESSAGE, loop_queue, loop_queue), 0);
  CHECK_EQUAL(ipc_waitset_add(loop_set, IPC_WAIT_EVENT, &loop_shared->stop, &loop_shared->stop), 0);
  CHECK_EQUAL(ipc_waitset_add_timer(loop_set, MILLISECOND, MILLISECOND, &loop_timer_tag), 0);
  loop_spawn();
  int descriptor = ipc_waitset_fd(loop_set);
  CHECK(descriptor >= 0);
  return descriptor;
}

/* In the daemon, when the descriptor is readable: does what there is to do. Returns 0 when the daemon has to stop. */
static inline int loop_turn(void) {
  ipc_ready_t ready[4];
  int count = ipc_waitset_wait(loop_set, ready, 4, 0);
  if (count == -EAGAIN) return 1;
  CHECK(count > 0);
  for (int i = 0; i < count; i++) {
    char byte;
    if (ready[i].tag == &loop_shared->stop) return 0;
    if (ready[i].tag == &loop_timer_tag) __atomic_add_fetch(&loop_shared->timers, 1, __ATOMIC_SEQ_CST);
    if (ready[i].tag == loop_queue)
      while (ipc_mq_receive(loop_queue, &byte, 1, NULL, 0) == 1)
        __atomic_add_fetch(&loop_shared->received, 1, __ATOMIC_SEQ_CST);
    if (ready[i].tag == &loop_child) {
      CHECK_EQUAL(ipc_child_wait(loop_child, NULL, 0), 0);
      CHECK_EQUAL(ipc_waitset_remove(loop_set, &loop_child), 0);
      CHECK_EQUAL(ipc_child_close(loop_child), 0);
      if (__atomic_add_fetch(&loop_shared->children, 1, __ATOMIC_SEQ_CST) % 3 != 0) loop_spawn();
    }
  }
  return 1;
}

static inline void loop_await(const int *counter, int number) {
  for (int64_t end = now_ns() + PATIENCE; __atomic_load_n(counter, __ATOMIC_SEQ_CST) < number; sched_yield())
    CHECK(now_ns() < end);
}

/* Runs the daemon, whose body is `daemon`, kills it and starts it again, three times; the last one is told to stop. */
__attribute__((unused)) static int loop_test(void (*daemon)(void *)) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  loop_shared = mmap(NULL, sizeof *loop_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(loop_shared != MAP_FAILED);
  CHECK_EQUAL(ipc_event_init(&loop_shared->stop, 0), 0);
  loop_name = unique_name("loop");
  ipc_mq_t *mq = make_queue(loop_name, 8, 16);
  for (int round = 0; round < 3; round++) {
    loop_shared->received = loop_shared->timers = loop_shared->children = 0;
    pid_t child = start(daemon, NULL);
    for (int i = 0; i < LOOP_MESSAGES; i++) CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, PATIENCE), 0);
    loop_await(&loop_shared->received, LOOP_MESSAGES - 8 * (round != 2));
    loop_await(&loop_shared->timers, 3);
    loop_await(&loop_shared->children, 3);
    if (round == 2) {
      CHECK_EQUAL(ipc_event_set(&loop_shared->stop), 0);
      FINISH(child);
      break;
    }
    /* It is killed in the middle of its work, with messages in the queue. */
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    wait_for(child);
    char byte;
    while (ipc_mq_receive(mq, &byte, 1, NULL, 0) == 1) continue;
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}

#endif
