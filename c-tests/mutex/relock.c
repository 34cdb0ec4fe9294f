/* A second lock by the owner is refused. A recursive mutex counts it instead. */
#include "test.h"

static void is_free(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void is_held(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EAGAIN);
}

static ipc_mutex_t *mutex_of(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  return mutex;
}

static void check_refused(int flags) {
  ipc_mutex_t *mutex = mutex_of(flags);
  static const int64_t timeouts[] = { 0, MILLISECOND, IPC_FOREVER };
  CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0);
  for (int i = 0; i < 3; i++)
    CHECK_FAILS(ipc_mutex_lock(mutex, timeouts[i]), -EDEADLK, "holds the mutex already");
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  FINISH(start(is_free, mutex));
}

static void check_counted(int flags) {
  ipc_mutex_t *mutex = mutex_of(flags);
  for (int i = 0; i < 1000; i++) CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0);
  for (int i = 0; i < 999; i++) CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  FINISH(start(is_held, mutex));
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  FINISH(start(is_free, mutex));
  CHECK_EQUAL(ipc_mutex_unlock(mutex), -EPERM);
}

int main(void) {
  check_refused(0);
  check_refused(IPC_MUTEX_ERROR_CHECK);
  check_refused(IPC_MUTEX_PRIORITY_INHERIT);
  check_counted(IPC_MUTEX_RECURSIVE);
  check_counted(IPC_MUTEX_RECURSIVE | IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
