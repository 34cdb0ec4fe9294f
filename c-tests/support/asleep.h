/* Finds out from the kernel whether another thread sleeps in a lock, so that a test need not let some time pass
 * instead. */
#ifndef ASLEEP_H
#define ASLEEP_H

#include "test.h"

#include <sys/prctl.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* Whether a thread, of this process or of a child, sleeps on a futex, or on several. */
__attribute__((unused)) static int is_on_futex(pid_t thread) {
  return is_inside(thread, SYS_futex) || is_inside(thread, SYS_futex_waitv);
}

/* Waits until a thread sleeps on a futex. */
__attribute__((unused)) static void wait_until_on_futex(pid_t thread) {
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield())
    if (is_on_futex(thread)) return;
  test_failed(__FILE__, __LINE__, "thread %d does not go to sleep", (int)thread);
}

/* Stops this process until the parent calls continue_child(). If the parent ends first, this process ends too. */
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

/* Runs body(argument) in a child, and waits until the child has stopped itself with stop_here(). */
__attribute__((unused)) static pid_t start_stopped(void (*body)(void *), void *argument) {
  pid_t child = start(body, argument);
  wait_until_stopped(child);
  return child;
}

/* Runs body(argument) in a child, and waits until the child sleeps on a futex. */
__attribute__((unused)) static pid_t start_asleep(void (*body)(void *), void *argument) {
  pid_t child = start(body, argument);
  wait_until_on_futex(child);
  return child;
}

/* Runs body(argument) in a child until the child stops itself with stop_here(), and kills it there. */
__attribute__((unused)) static void start_and_kill(void (*body)(void *), void *argument) {
  KILL(start_stopped(body, argument));
}

__attribute__((unused)) static void continue_child(pid_t child) { CHECK(kill(child, SIGCONT) == 0); }

/* Sends a child the signal each time it sleeps, until it ends. Returns its wait status. One signal is not always
 * enough: a wait may consist of several sleeps, and a handler that runs between two of them interrupts neither. A
 * child that is awake gets no signal, so it always gets on. */
__attribute__((unused)) static int interrupt_until_ended(pid_t child, int signal) {
  int status;
  for (pid_t ended; (ended = waitpid(child, &status, WNOHANG)) != child; sched_yield()) {
    CHECK(ended == 0 || errno == EINTR);
    if (state_of(child) == 'S') CHECK(kill(child, signal) == 0);
  }
  return status;
}

#endif
