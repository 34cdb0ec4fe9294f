/* An object that is closed, destroyed or unmapped while it is in a set makes its entry ready, also for a thread that
 * waits. Closing the set ends the waits of other threads. A removed object is reported no more. */
#include "lanes.h"
#include "queue.h"
#include <pthread.h>

static ipc_waitset_t *set;
static _Atomic pid_t waiter_id;
static _Atomic int nothing_happened;

static void *wait_once(void *result) {
  ipc_ready_t ready = { 0 };
  waiter_id = (pid_t)syscall(SYS_gettid);
  int count = ipc_waitset_wait(set, &ready, 1, PATIENCE);
  if (nothing_happened) test_failed(__FILE__, __LINE__, "the wait ended by itself: %d, %s", count, ipc_last_error());
  *(void **)result = count == 1 ? ready.tag : NULL;
  return (void *)(intptr_t)count;
}

static pthread_t waiter;
static void *found;

static void start_waiter(void) {
  waiter_id = 0;
  nothing_happened = 1;
  CHECK_EQUAL(pthread_create(&waiter, NULL, wait_once, &found), 0);
  while (waiter_id == 0) sched_yield();
  wait_until_inside(waiter_id, SYS_ppoll);
  nothing_happened = 0;
}

static intptr_t end_waiter(void) {
  void *count;
  CHECK_EQUAL(pthread_join(waiter, &count), 0);
  return (intptr_t)count;
}

static void expect_gone(void *tag) {
  ipc_ready_t ready;
  CHECK_EQUAL(end_waiter(), 1);
  CHECK(found == tag);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), 1); /* it stays ready */
  CHECK(ready.tag == tag);
  CHECK_EQUAL(ipc_waitset_remove(set, tag), 0);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
  CHECK_FAILS(ipc_waitset_remove(set, tag), -ENOENT, "no entry");
}

static void run(enum lane lane) {
  char suffix[16];
  snprintf(suffix, sizeof suffix, "gone-%d", lane);
  const char *name = unique_name(suffix);
  int before = open_descriptors();
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  int first, second;

  ipc_mq_t *mq = make_queue(name, 2, 16);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, &first), 0);
  start_waiter();
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  expect_gone(&first);

  ipc_shm_t *shm;
  snprintf(suffix, sizeof suffix, "shm-%d", lane);
  CHECK(ipc_shm_open(&shm, unique_name(suffix), 4096, IPC_CREATE, 0600) >= 0);
  ipc_event_t *events = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_event_init(&events[0], 0), 0);
  CHECK_EQUAL(ipc_event_init(&events[1], 0), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &events[0], &first), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &events[1], &second), 0);
  start_waiter();
  CHECK_EQUAL(ipc_event_destroy(&events[0]), 0);
  expect_gone(&first);
  start_waiter();
  CHECK_EQUAL(ipc_shm_close(shm), 0); /* nothing reads the unmapped event */
  expect_gone(&second);

  ipc_child_t *child;
  CHECK_EQUAL(ipc_spawn(&child, (const char *const[]){ "/bin/cat", NULL }, IPC_STDIN_PIPE), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_CHILD, child, &first), 0);
  start_waiter();
  CHECK_EQUAL(ipc_child_close(child), 0);
  expect_gone(&first);

  /* The message makes nothing ready: the queue is not in the set any more. */
  ipc_ready_t ready;
  mq = join_queue(name, 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, &first), 0);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
  CHECK_EQUAL(ipc_waitset_remove(set, &first), 0);
  send_text(mq, "x", 0);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
  /* An object that is added while a thread waits is waited for too. */
  start_waiter();
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, &second), 0);
  CHECK_EQUAL(end_waiter(), 1);
  CHECK(found == &second);
  expect_text(mq, "x", 0);

  start_waiter();
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  CHECK_EQUAL(end_waiter(), -EBADF);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EBADF);
  CHECK_EQUAL(ipc_waitset_close(set), -EBADF);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  while (open_descriptors() > before) { /* the child that nobody waits for */
    ipc_child_t *other;
    CHECK_EQUAL(ipc_spawn(&other, (const char *const[]){ "/bin/true", NULL }, 0), 0);
    CHECK_EQUAL(ipc_child_wait(other, NULL, PATIENCE), 0);
    CHECK_EQUAL(ipc_child_close(other), 0);
  }
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  in_each_lane(run);
  return 0;
}
