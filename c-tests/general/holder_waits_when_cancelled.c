/* A wait for a lock is no cancellation point. A thread that is cancelled during the wait gets the lock first, and
 * leaves nothing half-done. */
#include "holding.h"

#include <pthread.h>

static pid_t waiting;

static void *waiter(void *unused) {
  __atomic_store_n(&waiting, gettid(), __ATOMIC_RELEASE);
  CHECK_EQUAL(ipc_mutex_lock(&everything->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&everything->read, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->read), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&everything->mutex), 0);
  pause();
  return unused;
}

int main(void) {
  make_everything();
  CHECK_EQUAL(ipc_mutex_lock(&everything->mutex, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&everything->read, 0), 0);
  pthread_t thread;
  void *result;
  CHECK_EQUAL(pthread_create(&thread, NULL, waiter, NULL), 0);
  while (!__atomic_load_n(&waiting, __ATOMIC_ACQUIRE)) sched_yield();
  wait_until_on_futex(waiting);
  CHECK_EQUAL(pthread_cancel(thread), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&everything->mutex), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->read), 0);
  CHECK_EQUAL(pthread_join(thread, &result), 0);
  CHECK(result == PTHREAD_CANCELED);
  hold_everything();
  let_go_of_everything();
  return 0;
}
