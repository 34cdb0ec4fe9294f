/* A barrier has a limited number of places. Initialising it for more participants is refused, and so is a join by one
 * thread too many. */
#include "asleep.h"

static ipc_barrier_t *barrier;

static void participant(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_barrier_join(barrier), 0);
  stop_here();
}

int main(void) {
  barrier = shared_memory(sizeof *barrier);
  CHECK_FAILS(ipc_barrier_init(barrier, 0), -EINVAL, "for 0");
  CHECK_FAILS(ipc_barrier_init(barrier, IPC_BARRIER_COUNT_MAX + 1), -EINVAL, "for 32");
  CHECK_EQUAL(ipc_barrier_init(barrier, 2), 0);
  pid_t children[2];
  for (int i = 0; i < 2; i++) children[i] = start_stopped(participant, NULL);
  CHECK_FAILS(ipc_barrier_wait(barrier, IPC_FOREVER), -EBUSY, "2 participants");
  CHECK_EQUAL(ipc_barrier_init(barrier, 2), -EBUSY);
  for (int i = 0; i < 2; i++) KILL(children[i]);

  CHECK_EQUAL(ipc_barrier_init(barrier, 1), 0);
  CHECK_EQUAL(ipc_barrier_wait(barrier, 0), IPC_BARRIER_SERIAL);
  CHECK_EQUAL(ipc_barrier_wait(barrier, IPC_FOREVER), IPC_BARRIER_SERIAL);
  CHECK_EQUAL(ipc_barrier_leave(barrier), 0);
  return 0;
}
