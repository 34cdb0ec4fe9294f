/* A named semaphore is neither initialised nor destroyed with the calls for placed ones: other processes use it. */
#include "test.h"

int main(void) {
  const char *name = unique_name("named");
  ipc_sem_t *sem, *other, *posix;
  unsigned value;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 3, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&other, name, 0, 0, 0), IPC_OPENED);
  CHECK_FAILS(ipc_sem_init(sem, 7), -EINVAL, "named semaphore");
  CHECK_FAILS(ipc_sem_destroy(sem), -EINVAL, "named semaphore");
  CHECK_FAILS(ipc_sem_destroy(other), -EINVAL, "named semaphore");
  CHECK_EQUAL(ipc_sem_value(sem, &value), 0);
  CHECK_EQUAL(value, 3);
  CHECK_EQUAL(ipc_sem_wait(other, 0), 0);
  CHECK_EQUAL(ipc_sem_close(other), 0);
  CHECK_EQUAL(ipc_sem_close(sem), 0);

  CHECK_EQUAL(ipc_sem_open(&posix, name, 3, IPC_CREATE | IPC_POSIX, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_init(posix, 7), -EINVAL);
  CHECK_EQUAL(ipc_sem_destroy(posix), -EINVAL);
  CHECK_EQUAL(ipc_sem_close(posix), 0);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), 0);

  /* A placed one in a region, at the same offset as that of a named one. */
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_anonymous(&shm, 4096), 0);
  ipc_sem_t *placed = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_sem_init(placed, 1), 0);
  CHECK_EQUAL(ipc_sem_destroy(placed), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
