/* Processes wait on a condition variable. Their mutex becomes unusable: its owner dies, and the next owner unlocks it
 * without repairing the data. Every waiter learns of it, with each kind of mutex. */
#include "test.h"

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
} Shared;

static void waiter(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  /* The first thread that notices the owner's death holds the mutex. This one unlocks it without a repair. */
  int result = ipc_cond_wait(&shared->cond, &shared->mutex, IPC_FOREVER);
  if (result == IPC_OWNER_DIED) {
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
    result = ipc_mutex_lock(&shared->mutex, IPC_FOREVER);
  }
  CHECK_EQUAL(result, -ENOTRECOVERABLE);
}

static void owner(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(&((Shared *)argument)->mutex, IPC_FOREVER), 0);
  raise(SIGKILL);
}

static void check(int flags) {
  Shared *shared = shared_memory(sizeof *shared);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &attr), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  pid_t children[3];
  for (int i = 0; i < 3; i++) {
    children[i] = start(waiter, shared);
    wait_until_inside(children[i], SYS_futex);
  }
  wait_for(start(owner, shared));
  for (int i = 0; i < 3; i++) FINISH(children[i]);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), -ENOTRECOVERABLE);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
