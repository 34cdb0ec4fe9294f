/* If the lock is unlocked after a writer's death without being declared consistent, it is given up: all lockers get
 * -ENOTRECOVERABLE, also those that sleep. */
#include "rwlock.h"

static void late_reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), -ENOTRECOVERABLE);
}

static void late_writer(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), -ENOTRECOVERABLE);
}

int main(void) {
  make_rwlock();
  start_and_kill(write_and_stop, NULL);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), IPC_OWNER_DIED);
  pid_t sleepers[4];
  for (int i = 0; i < 4; i++) {
    sleepers[i] = start_asleep(i % 2 ? late_reader : late_writer, NULL);
  }
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  for (int i = 0; i < 4; i++) FINISH(sleepers[i]);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -ENOTRECOVERABLE);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, IPC_FOREVER), -ENOTRECOVERABLE);
  return 0;
}
