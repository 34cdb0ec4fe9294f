/* Only a holder unlocks a readers-writer lock, and only a writer declares its data consistent. Another thread, another
 * process and the holder's child after fork cannot, and the lock stays held when they try. */
#include "rwlock.h"

#include <pthread.h>

static int is_written;

static void try_all(void) {
  CHECK_FAILS(ipc_rwlock_unlock(rwlock), -EPERM, "lock");
  CHECK_EQUAL(ipc_rwlock_consistent(rwlock), -EPERM);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, MILLISECOND), -ETIMEDOUT);
  if (is_written) {
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EAGAIN);
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, MILLISECOND), -ETIMEDOUT);
  } else {
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
    CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
    CHECK_EQUAL(ipc_rwlock_unlock(rwlock), -EPERM);
  }
}

static void child(void *unused) {
  (void)unused;
  try_all();
}

static void *thread(void *unused) {
  try_all();
  return unused;
}

static void check_held(void) {
  FINISH(start(child, NULL));
  pthread_t other;
  CHECK_EQUAL(pthread_create(&other, NULL, thread, NULL), 0);
  CHECK_EQUAL(pthread_join(other, NULL), 0);
  /* The holder itself. */
  CHECK_EQUAL(ipc_rwlock_init(rwlock), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, IPC_FOREVER), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_consistent(rwlock), is_written ? -EINVAL : -EPERM);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), -EPERM);
}

int main(void) {
  make_rwlock();
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), -EPERM);
  CHECK_EQUAL(ipc_rwlock_consistent(rwlock), -EPERM);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  check_held();
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  is_written = 1;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, IPC_FOREVER), -EDEADLK);
  check_held();
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), 0);
  CHECK_FAILS(ipc_rwlock_read_lock(rwlock, 0), -EINVAL, "not initialised");
  CHECK_FAILS(ipc_rwlock_write_lock(rwlock, 0), -EINVAL, "not initialised");
  CHECK_FAILS(ipc_rwlock_unlock(rwlock), -EINVAL, "not initialised");
  return 0;
}
