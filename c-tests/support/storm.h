/* A storm of signals that goes as fast as the process it hits, and never faster.
 *
 * A timer that sends a signal every millisecond proves different things on different machines: where the handler
 * alone takes that long, the program makes no progress at all. Here another process, the storm, sends the next
 * signal only
 *
 *   - after the handler has run for the signal before, and
 *   - when the target sleeps in the kernel, or has finished a step of its work since the signal before.
 *
 * So every wait that the storm sees is interrupted, other signals arrive at arbitrary points of the work, and between
 * two signals the target always gets on. The target in turn waits for the storm when that falls behind, so that a
 * number of steps is hit by a number of signals. All this holds at any speed. */
#ifndef STORM_H
#define STORM_H

#include "asleep.h"

#include <stdatomic.h>

typedef struct {
  _Atomic int target;   /* the process that is hit, once its handler is in place */
  _Atomic long handled; /* the number of signals for which the handler has run */
  _Atomic long steps;   /* the number of steps that the target has finished */
  _Atomic int over;     /* the target wants no more signals */
  _Atomic int ended;    /* the storm sends no more signals */
  long steps_per_signal;
} Storm;

/* The storm that hits this process. */
static Storm *storm_here;

static inline void storm_handler(int number) {
  (void)number;
  atomic_fetch_add(&storm_here->handled, 1);
}

static inline void storm_blow(void *argument) {
  Storm *storm = argument;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (storm->target == 0) sched_yield();
  long sent = 0, steps = 0;
  while (!storm->over) {
    if (storm->handled < sent) continue;
    if (storm->steps == steps && !is_asleep(storm->target)) continue;
    steps = storm->steps;
    sent++;
    CHECK(kill(storm->target, SIGALRM) == 0);
  }
  storm->ended = 1;
}

/* Starts a storm for a process that will call enter_storm(). It sends at least one signal for each `steps_per_signal`
 * steps. Sets the storm's process, which ends by itself after leave_storm(): wait for it with FINISH(). */
__attribute__((unused)) static Storm *start_storm(pid_t *process, long steps_per_signal) {
  Storm *storm = shared_memory(sizeof *storm);
  storm->steps_per_signal = steps_per_signal;
  *process = start(storm_blow, storm);
  return storm;
}

/* Has the storm hit this process. `flags` are those of the signal's handler: 0 or SA_RESTART. */
__attribute__((unused)) static void enter_storm(Storm *storm, int flags) {
  storm_here = storm;
  struct sigaction action = {.sa_handler = storm_handler, .sa_flags = flags};
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  storm->target = getpid();
}

/* Says that this process has finished a step of its work. Waits for the storm if too few signals have come. */
__attribute__((unused)) static void storm_step(void) {
  long steps = atomic_fetch_add(&storm_here->steps, 1) + 1;
  while (storm_here->handled < steps / storm_here->steps_per_signal) sched_yield();
}

/* Ends the storm that hits this process. */
__attribute__((unused)) static void leave_storm(void) {
  storm_here->over = 1;
  while (!storm_here->ended) sched_yield();
}

#endif
