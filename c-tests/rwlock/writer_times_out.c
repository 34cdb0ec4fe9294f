/* A writer that gives up waiting for readers lets in the readers that waited behind it. */
#include "rwlock.h"

static void writer(void *timeout_ns) {
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, *(const int64_t *)timeout_ns), -ETIMEDOUT);
}

static int has_ended(pid_t child) {
  siginfo_t ended = {0};
  CHECK(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
  return ended.si_pid == child;
}

/* Waits until the child sleeps on a futex, or until the writer has ended. Returns whether the child slept first. */
static int sleeps_before_end_of(pid_t writer, pid_t child) {
  while (!has_ended(writer)) {
    if (is_inside(child, SYS_futex) || is_inside(child, SYS_futex_waitv)) return !has_ended(writer);
    sched_yield();
  }
  return 0;
}

/* Whether the timeout was long enough for the readers to arrive while the writer waited. */
static int give_up_after(int64_t timeout_ns) {
  pid_t draining = start(writer, &timeout_ns), behind[3];
  int in_time = sleeps_before_end_of(draining, draining);
  for (int i = 0; i < 3; i++) behind[i] = start(read_once, NULL);
  for (int i = 0; i < 3; i++) in_time = sleeps_before_end_of(draining, behind[i]) && in_time;
  FINISH(draining);
  for (int i = 0; i < 3; i++) FINISH(behind[i]);
  return in_time;
}

int main(void) {
  make_rwlock();
  pid_t inside = start_stopped(read_and_stop, NULL);
  /* How long the writer has to wait until the readers arrive depends on the machine. */
  for (int64_t timeout_ns = 100 * MILLISECOND; !give_up_after(timeout_ns); timeout_ns *= 2)
    CHECK(timeout_ns < PATIENCE);
  continue_child(inside);
  FINISH(inside);
  return 0;
}
