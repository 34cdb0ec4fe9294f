/* Memory in which this thread holds a lock is not unmapped. Otherwise the kernel could no longer follow the thread's
 * list of locks. */
#include "holding.h"

int main(void) {
  const char *name = unique_name("held");
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, sizeof(Everything), IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  everything = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_rwlock_init(&everything->read), 0);
  CHECK_EQUAL(ipc_permits_init(&everything->permits, 1), 0);
  CHECK_EQUAL(ipc_barrier_init(&everything->barrier, 1), 0);
  unsigned permit;
  CHECK_EQUAL(ipc_rwlock_read_lock(&everything->read, 0), 0);
  CHECK_EQUAL(ipc_shm_close(shm), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->read), 0);
  CHECK_EQUAL(ipc_permits_take(&everything->permits, &permit, 0), 0);
  CHECK_EQUAL(ipc_shm_close(shm), -EBUSY);
  CHECK_EQUAL(ipc_permits_give(&everything->permits, permit), 0);
  CHECK_EQUAL(ipc_barrier_join(&everything->barrier), 0);
  CHECK_EQUAL(ipc_shm_close(shm), -EBUSY);
  CHECK_EQUAL(ipc_barrier_leave(&everything->barrier), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
