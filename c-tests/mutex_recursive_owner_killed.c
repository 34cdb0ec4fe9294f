/* A process killed deep inside a recursive mutex leaves no depth behind: the next owner's one unlock frees
 * it. */
#include "test.h"

/* Ends holding it three deep. */
static void victim(void *mutex) {
  for (int depth = 0; depth < 3; depth++) CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  raise(SIGKILL);
}

static void another(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

int main(void) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = {.flags = IPC_MUTEX_RECURSIVE};
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);

  int status = wait_for(start(victim, mutex));
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), -EPERM);
  FINISH(start(another, mutex));
  return 0;
}
