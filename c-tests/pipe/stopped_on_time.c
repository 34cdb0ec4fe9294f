/* A process that is stopped during a wait does not wait longer for it: its deadline is a point in time. (Some processors'
 * kernels have no poll(2). There a stop lengthens a wait by a second at most.) */
#include "test.h"

#include <fcntl.h>
#include <sys/timerfd.h>

#define TIMEOUT (2 * SECOND)

static int ends[2];
/* When each child's wait began. */
static _Atomic int64_t *begin;

static void wait_with_timeout(void *which) {
  char byte;
  begin[*(int *)which] = now_ns();
  long result;
  switch (*(int *)which) {
    case 0: result = ipc_read_full(ends[0], &byte, 1, TIMEOUT); break;
    default: {
      ipc_mq_t *mq;
      ipc_mq_attr_t attr = { .max_messages = 1, .message_size = 1 };
      char name[64];
      snprintf(name, sizeof name, "/ripc-test-%d-stop", (int)getpid());
      if (ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_KERNEL, 0600) < 0) _exit(0);
      (void)ipc_mq_unlink(name, IPC_KERNEL);
      result = ipc_mq_receive(mq, &byte, 1, NULL, TIMEOUT);
    }
  }
  CHECK_EQUAL(result, -ETIMEDOUT);
  int64_t took = now_ns() - begin[*(int *)which];
  if (took > 3500 * MILLISECOND) test_failed(__FILE__, __LINE__, "%d: 2 s took %" PRId64 " ms", *(int *)which, took / MILLISECOND);
}

/* The event that this test waits for is that the children's time is over. */
static void wait_for_time(int64_t time_ns) {
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  CHECK(timer >= 0);
  struct itimerspec end = { .it_value = { time_ns / SECOND, time_ns % SECOND } };
  CHECK(timerfd_settime(timer, TFD_TIMER_ABSTIME, &end, NULL) == 0);
  uint64_t count;
  CHECK_EQUAL(read(timer, &count, sizeof count), sizeof count);
  close(timer);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it takes long to start");
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  begin = shared_memory(2 * sizeof *begin);
  pid_t children[2];
  for (int i = 0; i < 2; i++) {
    children[i] = start(wait_with_timeout, &i);
    for (int64_t end = now_ns() + PATIENCE; !is_inside(children[i], SYS_ppoll) && now_ns() < end;) {
      if (state_of(children[i]) == 'Z') break;
      sched_yield();
    }
  }
  for (int i = 0; i < 2; i++) (void)kill(children[i], SIGSTOP);
  for (int i = 0; i < 2; i++) wait_for_time(begin[i] + TIMEOUT);
  for (int i = 0; i < 2; i++) (void)kill(children[i], SIGCONT);
  for (int i = 0; i < 2; i++) FINISH(children[i]);
  return 0;
}
