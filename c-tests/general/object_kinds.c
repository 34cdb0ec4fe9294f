/* A name leads to one kind of object. A region is not opened as a semaphore, nor a semaphore as a region, and the error
 * names both kinds. */
#include "test.h"

int main(void) {
  const char *region = unique_name("region"), *semaphore = unique_name("semaphore");
  static const ipc_type_t like_sem = { "ipc_sem_t", 1, 0, 32, 8, { { NULL, 0, 0 } } };
  ipc_shm_t *shm, *other_shm;
  ipc_sem_t *sem, *other_sem;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, region, &like_sem, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&sem, semaphore, 1, IPC_CREATE, 0600), IPC_CREATED);

  CHECK_FAILS(
    ipc_sem_open(&other_sem, region, 1, IPC_CREATE, 0600), -EMEDIUMTYPE,
    "expected a semaphore, found a shared memory region");
  CHECK_LAST_ERROR(region);
  CHECK_FAILS(
    ipc_shm_open_typed(&other_shm, semaphore, &like_sem, IPC_CREATE, 0600), -EMEDIUMTYPE,
    "expected a shared memory region, found a semaphore");
  CHECK_LAST_ERROR(semaphore);
  CHECK_EQUAL(ipc_shm_open(&other_shm, semaphore, 32, IPC_READ_ONLY | IPC_ADOPT, 0), -EMEDIUMTYPE);

  CHECK_FAILS(
    ipc_shm_unlink(semaphore), -EMEDIUMTYPE, "expected a shared memory region, found a semaphore");
  CHECK_FAILS(
    ipc_sem_unlink(region), -EMEDIUMTYPE, "expected a semaphore, found a shared memory region");

  CHECK_FAILS(ipc_shm_close((ipc_shm_t *)sem), -EBADF, "not a handle");
  CHECK_FAILS(ipc_sem_close((ipc_sem_t *)shm), -EBADF, "not a named semaphore");
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
