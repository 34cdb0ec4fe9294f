/* Each permit that is given back reaches one of the sleeping takers, even if another sleeper was killed. */
#include "asleep.h"

static ipc_permits_t *permits;

static void taker(void *unused) {
  (void)unused;
  unsigned permit;
  CHECK_EQUAL(ipc_permits_take(permits, &permit, PATIENCE), 0);
  CHECK_EQUAL(ipc_permits_give(permits, permit), 0);
}

int main(void) {
  permits = shared_memory(sizeof *permits);
  CHECK_EQUAL(ipc_permits_init(permits, 1), 0);
  unsigned permit;
  for (int round = 0; round < 20; round++) {
    CHECK_EQUAL(ipc_permits_take(permits, &permit, PATIENCE), 0);
    pid_t children[4];
    for (int i = 0; i < 4; i++) children[i] = start_asleep(taker, NULL);
    KILL(children[round % 4]);
    CHECK_EQUAL(ipc_permits_give(permits, permit), 0);
    for (int i = 0; i < 4; i++)
      if (i != round % 4) FINISH(children[i]);
  }
  return 0;
}
