/* A segment is not detached while this thread holds a robust lock in it. Robust locks work in a segment: the next
 * locker learns of the owner's death. */
#include "sysv.h"

static ipc_sysv_shm_t *shm;

static void victim(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0);
  raise(SIGKILL);
}

int main(void) {
  CHECK_EQUAL(
    ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, sizeof(ipc_mutex_t), IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_SHM, ipc_sysv_shm_id(shm));
  ipc_mutex_t *mutex = ipc_sysv_shm_data(shm);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_FAILS(ipc_sysv_shm_close(shm), -EBUSY, "holds a lock");
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK(WIFSIGNALED(wait_for(start(victim, mutex))));
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  return 0;
}
