/* Only the owner can unlock a mutex or declare its data consistent. Another thread, another process and the owner's
 * child after fork cannot, and the mutex stays locked when they try. */
#include "test.h"
#include <pthread.h>

static void try_all(ipc_mutex_t *mutex) {
  char text[64];
  CHECK_FAILS(ipc_mutex_unlock(mutex), -EPERM, "held by thread");
  snprintf(text, sizeof text, "(%d)", (int)gettid());
  CHECK_LAST_ERROR(text);
  CHECK_FAILS(ipc_mutex_consistent(mutex), -EPERM, "held by thread");
  CHECK_FAILS(ipc_mutex_destroy(mutex), -EBUSY, "locked by thread");
  CHECK_FAILS(ipc_mutex_init(mutex, NULL), -EBUSY, "locked");
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EAGAIN);
}

static void child(void *mutex) {
  try_all(mutex);
}

static void *thread(void *mutex) {
  try_all(mutex);
  return NULL;
}

static void check(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  CHECK_FAILS(ipc_mutex_unlock(mutex), -EPERM, "not locked");
  CHECK_FAILS(ipc_mutex_consistent(mutex), -EPERM, "not locked");
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  FINISH(start(child, mutex));
  pthread_t other;
  CHECK_EQUAL(pthread_create(&other, NULL, thread, mutex), 0);
  CHECK_EQUAL(pthread_join(other, NULL), 0);
  CHECK_FAILS(ipc_mutex_consistent(mutex), -EINVAL, "is consistent");
  CHECK_FAILS(ipc_mutex_init(mutex, NULL), -EBUSY, "locked");
  CHECK_FAILS(ipc_mutex_destroy(mutex), -EBUSY, "locked");
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), -EPERM);
  CHECK_EQUAL(ipc_mutex_destroy(mutex), 0);
  CHECK_FAILS(ipc_mutex_lock(mutex, 0), -EINVAL, "not initialised");
}

int main(void) {
  check(0);
  check(IPC_MUTEX_ERROR_CHECK);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
