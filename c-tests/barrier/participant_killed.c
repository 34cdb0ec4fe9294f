/* If a participant dies, waiting or not, the others return with -EOWNERDEAD. The barrier stays broken until it is
 * reset. Then another process can take the place of the dead one. */
#include "asleep.h"

static ipc_barrier_t *barrier;

static void busy(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_barrier_join(barrier), 0);
  stop_here();
  CHECK_EQUAL(ipc_barrier_wait(barrier, PATIENCE) >= 0, 1);
}

static void waiting(void *expected) {
  int result = ipc_barrier_wait(barrier, PATIENCE);
  CHECK_EQUAL(result == IPC_BARRIER_SERIAL ? 0 : result, *(int *)expected);
  if (result >= 0) CHECK_EQUAL(ipc_barrier_leave(barrier), 0);
}

int main(void) {
  barrier = shared_memory(sizeof *barrier);
  CHECK_EQUAL(ipc_barrier_init(barrier, 4), 0);
  int broken = -EOWNERDEAD, good = 0;

  /* The victim is not waiting at the barrier. */
  pid_t victim = start_stopped(busy, NULL);
  pid_t others[3];
  for (int i = 0; i < 2; i++) others[i] = start_asleep(waiting, &broken);
  CHECK_EQUAL(ipc_barrier_reset(barrier), 0); /* nothing is broken: nothing happens */
  CHECK_EQUAL(ipc_barrier_wait(barrier, 10 * MILLISECOND), -ETIMEDOUT);
  KILL(victim);
  for (int i = 0; i < 2; i++) FINISH(others[i]);
  CHECK_FAILS(ipc_barrier_wait(barrier, IPC_FOREVER), -EOWNERDEAD, "ipc_barrier_reset");
  CHECK_EQUAL(ipc_barrier_wait(barrier, 0), -EOWNERDEAD);
  CHECK_EQUAL(ipc_barrier_join(barrier), -EOWNERDEAD);

  /* This process still takes part, so three are missing. */
  CHECK_EQUAL(ipc_barrier_reset(barrier), 0);
  CHECK_EQUAL(ipc_barrier_wait(barrier, 0), -EAGAIN);
  for (int i = 0; i < 3; i++) others[i] = start_asleep(waiting, &good);
  int result = ipc_barrier_wait(barrier, PATIENCE);
  CHECK(result == 0 || result == IPC_BARRIER_SERIAL);
  for (int i = 0; i < 3; i++) FINISH(others[i]);

  /* The victim is waiting at the barrier. */
  victim = start_asleep(waiting, &good);
  others[0] = start_asleep(waiting, &broken);
  KILL(victim);
  FINISH(others[0]);
  CHECK_EQUAL(ipc_barrier_wait(barrier, PATIENCE), -EOWNERDEAD);
  CHECK_EQUAL(ipc_barrier_reset(barrier), 0);
  CHECK_EQUAL(ipc_barrier_destroy(barrier), -EBUSY);
  CHECK_EQUAL(ipc_barrier_leave(barrier), 0);
  CHECK_EQUAL(ipc_barrier_leave(barrier), -EPERM);
  CHECK_EQUAL(ipc_barrier_destroy(barrier), 0);
  return 0;
}
