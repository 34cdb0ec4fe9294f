/* A permit whose holder died is granted before the permits that are merely free, whichever slot it has. */
#include "asleep.h"

static ipc_permits_t *permits;

static void holder(void *wanted) {
  unsigned permit, others[3];
  int count = 0;
  for (;;) {
    CHECK_EQUAL(ipc_permits_take(permits, &permit, 0), 0);
    if (permit == *(unsigned *)wanted) break;
    others[count++] = permit;
  }
  while (count > 0) CHECK_EQUAL(ipc_permits_give(permits, others[--count]), 0);
  stop_here();
}

int main(void) {
  permits = shared_memory(sizeof *permits);
  CHECK_EQUAL(ipc_permits_init(permits, 3), 0);
  for (unsigned dead = 0; dead < 3; dead++) {
    start_and_kill(holder, &dead);
    unsigned permit;
    CHECK_EQUAL(ipc_permits_take(permits, &permit, 0), IPC_OWNER_DIED);
    CHECK_EQUAL(permit, dead);
    CHECK_EQUAL(ipc_permits_give(permits, permit), 0);
  }
  return 0;
}
