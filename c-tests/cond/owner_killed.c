/* The owner of the mutex is killed while others wait on a condition variable with it. One waiter learns of the death
 * and holds the mutex. After it has repaired the data, the others go on. */
#include "test.h"

enum { WAITERS = 3 };

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  int waiting, repaired, told;
} Shared;

static void waiter(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  shared->waiting++;
  while (!shared->repaired) {
    int result = ipc_cond_wait(&shared->cond, &shared->mutex, IPC_FOREVER);
    if (result != IPC_OWNER_DIED) {
      CHECK_EQUAL(result, 0);
      continue;
    }
    shared->told++;
    CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
    shared->repaired = 1;
    CHECK_EQUAL(ipc_cond_broadcast(&shared->cond), 0);
  }
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void owner(void *argument) {
  Shared *shared = argument;
  for (;;) {
    CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
    if (shared->waiting == WAITERS) raise(SIGKILL);
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
    sched_yield();
  }
}

static void check(int flags) {
  Shared *shared = shared_memory(sizeof *shared);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &attr), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  pid_t children[WAITERS];
  for (int i = 0; i < WAITERS; i++) children[i] = start(waiter, shared);
  wait_for(start(owner, shared));
  for (int i = 0; i < WAITERS; i++) FINISH(children[i]);
  CHECK_EQUAL(shared->told, 1);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
