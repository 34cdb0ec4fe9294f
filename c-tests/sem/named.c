/* One process creates a named semaphore and others open it, by fork and by name, also twice in one process. It can be
 * closed and removed, and outlives its name. A handle that is no named semaphore is not closed. */
#include "test.h"
#include <sys/stat.h>

static void child(void *argument) {
  ipc_sem_t *inherited = argument, *opened;
  CHECK_EQUAL(ipc_sem_wait(inherited, 0), 0);
  CHECK_EQUAL(ipc_sem_open(&opened, test_names[0], 99, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_wait(opened, 0), 0);
  CHECK_EQUAL(ipc_sem_wait(opened, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sem_post(opened), 0);
  CHECK_EQUAL(ipc_sem_close(inherited), 0);
  CHECK_EQUAL(ipc_sem_post(opened), 0);
  CHECK_EQUAL(ipc_sem_close(opened), 0);
}

int main(void) {
  const char *name = unique_name("sem");
  ipc_sem_t *first, *second, *untouched = (ipc_sem_t *)&first;
  unsigned value;

  CHECK_FAILS(ipc_sem_open(&untouched, name, 0, 0, 0), -ENOENT, name);
  CHECK_FAILS(
    ipc_sem_open(&untouched, name, IPC_SEM_VALUE_MAX + 1u, IPC_CREATE, 0600), -EINVAL,
    "2147483648");
  CHECK_FAILS(ipc_sem_unlink(name), -ENOENT, name);
  CHECK(untouched == (ipc_sem_t *)&first);
  umask(077);
  CHECK_EQUAL(ipc_sem_open(&first, name, 2, IPC_CREATE | IPC_EXCLUSIVE, 0664), IPC_CREATED);
  char path[128];
  struct stat status;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0664);
  CHECK_FAILS(
    ipc_sem_open(&untouched, name, 2, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST, name);
  CHECK_FAILS(ipc_sem_open(&untouched, name, 2, IPC_READ_ONLY, 0), -EINVAL, "flags");

  CHECK_EQUAL(ipc_sem_open(&second, name, 5, 0, 0), IPC_OPENED);
  CHECK(first != second);
  CHECK_EQUAL(ipc_sem_value(second, &value), 0);
  CHECK_EQUAL(value, 2);
  FINISH(start(child, first));
  CHECK_EQUAL(ipc_sem_value(first, &value), 0);
  CHECK_EQUAL(value, 2);

  CHECK_EQUAL(ipc_sem_close(first), 0);
  CHECK_FAILS(ipc_sem_close(first), -EBADF, "not an open named semaphore");
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  CHECK_FAILS(ipc_sem_open(&untouched, name, 0, 0, 0), -ENOENT, name);
  CHECK_EQUAL(ipc_sem_post(second), 0);
  CHECK_EQUAL(ipc_sem_value(second, &value), 0);
  CHECK_EQUAL(value, 3);
  CHECK_EQUAL(ipc_sem_close(second), 0);
  CHECK_EQUAL(ipc_sem_close(NULL), 0);

  ipc_sem_t placed;
  CHECK_EQUAL(ipc_sem_init(&placed, 1), 0);
  CHECK_FAILS(ipc_sem_close(&placed), -EBADF, "placed");
  CHECK_FAILS(ipc_sem_close((ipc_sem_t *)1), -EBADF, "not an open");
  CHECK_EQUAL(ipc_sem_wait(&placed, 0), 0);
  return 0;
}
