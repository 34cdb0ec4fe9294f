/* A wait without the mutex is refused, and so is a wait while the data are not repaired. A wait unlocks a recursive
 * mutex completely, and afterwards locks it as often as it was locked before. */
#include "test.h"

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
} Shared;

static void not_owner(void *argument) {
  Shared *shared = argument;
  CHECK_FAILS(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EPERM, "held by thread");
}

static void victim(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(&((Shared *)argument)->mutex, 0), 0);
  raise(SIGKILL);
}

static void signaller(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void is_held(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(&((Shared *)argument)->mutex, 0), -EAGAIN);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE };
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &recursive), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  CHECK_FAILS(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EPERM, "not locked");
  CHECK_FAILS(ipc_cond_wait(&shared->cond, &shared->mutex, IPC_FOREVER), -EPERM, "not locked");
  CHECK_FAILS(ipc_cond_wait(&shared->cond, &shared->mutex, -5), -EINVAL, "timeout_ns");

  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  FINISH(start(not_owner, shared));
  pid_t child = start(signaller, shared);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE), 0);
  FINISH(child);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EAGAIN);
  for (int i = 0; i < 3; i++) {
    FINISH(start(is_held, shared));
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  }
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), -EPERM);

  wait_for(start(victim, shared));
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_FAILS(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EINVAL, "ipc_mutex_consistent");
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  return 0;
}
