/* A signal releases one waiter, and a broadcast releases all. A signal without a waiter has no later effect. */
#include "test.h"

enum { WAITERS = 5 };

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  int waiting, permits, gone;
} Shared;

static void waiter(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  shared->waiting++;
  while (shared->permits == 0)
    CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE), 0);
  shared->permits--;
  shared->gone++;
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void lock_when(Shared *shared, const int *number, int value) {
  for (;;) {
    CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
    if (*number == value) return;
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
    sched_yield();
  }
}

static void check(int flags) {
  Shared *shared = shared_memory(sizeof *shared);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &attr), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
  CHECK_EQUAL(ipc_cond_broadcast(&shared->cond), 0);

  /* These signals have no waiter, so they have no later effect. */
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 2 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 150 * MILLISECOND), -ETIMEDOUT);
  /* Each waiter holds the mutex after its wait. */
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);

  pid_t children[WAITERS];
  for (int i = 0; i < WAITERS; i++) children[i] = start(waiter, shared);
  lock_when(shared, &shared->waiting, WAITERS);
  shared->permits = 1;
  CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  lock_when(shared, &shared->gone, 1);
  shared->permits = WAITERS - 1;
  CHECK_EQUAL(ipc_cond_broadcast(&shared->cond), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  for (int i = 0; i < WAITERS; i++) FINISH(children[i]);
  CHECK_EQUAL(shared->gone, WAITERS);
  CHECK_EQUAL(ipc_cond_destroy(&shared->cond), 0);
  CHECK_FAILS(ipc_cond_signal(&shared->cond), -EINVAL, "not initialised");
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
