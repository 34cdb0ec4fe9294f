/* If a runner is killed, another caller runs the function, whether it waits already or comes later. Callers wait for a
 * runner that is only stopped. */
#include "asleep.h"

static struct {
  ipc_once_t once;
  int runs;
} *shared;

static void stuck(void *unused) {
  (void)unused;
  shared->runs++;
  stop_here();
}

static void quick(void *unused) {
  (void)unused;
  shared->runs++;
}

static void victim(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_once(&shared->once, stuck, NULL, PATIENCE), IPC_ONCE_RAN);
}

static void successor(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_once(&shared->once, quick, NULL, PATIENCE), IPC_ONCE_RAN);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  pid_t first = start_stopped(victim, NULL);
  CHECK_EQUAL(ipc_once(&shared->once, quick, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_once(&shared->once, quick, NULL, 10 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(shared->runs, 1);
  pid_t second = start_asleep(victim, NULL);
  KILL(first);
  wait_until_stopped(second);
  CHECK_EQUAL(shared->runs, 2);
  pid_t third = start_asleep(successor, NULL);
  KILL(second);
  FINISH(third);
  CHECK_EQUAL(shared->runs, 3);
  CHECK_EQUAL(ipc_once(&shared->once, quick, NULL, PATIENCE), 0);
  CHECK_EQUAL(shared->runs, 3);
  return 0;
}
