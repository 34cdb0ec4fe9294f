/* To know that another thread sleeps in a lock: what the kernel says, not what time has passed. */
#ifndef ASLEEP_H
#define ASLEEP_H

#include "test.h"

#include <sys/prctl.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* Waits until the thread, of this process or a child's, sleeps on a futex. */
__attribute__((unused)) static void wait_until_on_futex(pid_t thread) {
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield()) {
    long number = system_call_of(thread);
    if (number == SYS_futex || number == SYS_futex_waitv) return;
  }
  test_failed(__FILE__, __LINE__, "thread %d does not go to sleep", (int)thread);
}

/* Stops this process, until the parent goes on with continue_child(). If the parent ends first, it
 * ends too. */
__attribute__((unused)) static void stop_here(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  raise(SIGSTOP);
}

/* Waits until a child has stopped itself. */
__attribute__((unused)) static void wait_until_stopped(pid_t child) {
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
}

__attribute__((unused)) static void continue_child(pid_t child) { CHECK(kill(child, SIGCONT) == 0); }

#endif
