/* A lock whose owner died holding it is not destroyed before a locker has been told. */
#include "test.h"

static ipc_mutex_t *mutex;
static ipc_rwlock_t *rwlock;

static void die_with_mutex(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
}

static void die_writing(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
}

static void die_reading(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
}

int main(void) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_anonymous(&shm, sizeof(ipc_mutex_t) + sizeof(ipc_rwlock_t)), 0);
  rwlock = ipc_shm_data(shm);
  mutex = (ipc_mutex_t *)(rwlock + 1);

  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  FINISH(start(die_with_mutex, NULL));
  CHECK_FAILS(ipc_mutex_destroy(mutex), -EBUSY, "died");
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_destroy(mutex), 0);

  /* One that was given up has nothing to report. */
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  FINISH(start(die_with_mutex, NULL));
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -ENOTRECOVERABLE);
  CHECK_EQUAL(ipc_mutex_destroy(mutex), 0);

  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  FINISH(start(die_reading, NULL));
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  FINISH(start(die_writing, NULL));
  CHECK_FAILS(ipc_rwlock_destroy(rwlock), -EBUSY, "died");
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_rwlock_consistent(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), 0);
  return 0;
}
