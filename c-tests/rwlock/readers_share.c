/* Readers hold the lock together, and a writer holds it alone. A reader may lock several times, and unlocks as
 * often. */
#include "rwlock.h"

int main(void) {
  make_rwlock();
  pid_t child = start_stopped(read_and_stop, NULL);

  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), -EPERM);

  /* A stopped reader keeps the lock, and a writer that gave up waiting lets readers in again. */
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 10 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), -EBUSY);

  continue_child(child);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), 0);
  FINISH(child);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_consistent(rwlock), -EINVAL);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EINVAL);
  return 0;
}
