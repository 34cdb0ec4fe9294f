/* A dead owner's depth ends with it: the next owner of a recursive mutex unlocks it only as often as it has locked it
 * itself. */
#include "test.h"

static void victim(void *argument) {
  ipc_mutex_t *mutex = argument;
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0);
  raise(SIGKILL);
}

static void stranger(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(argument, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(argument), 0);
}

static void check(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  wait_for(start(victim, mutex));
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_FAILS(ipc_mutex_unlock(mutex), -EPERM, "not locked");
  FINISH(start(stranger, mutex));
}

int main(void) {
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_RECURSIVE | IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
