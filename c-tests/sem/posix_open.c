/* Opening a semaphore of libc reports whether it was created, and its mode is exact. A file that cannot be one is
 * refused, the kinds of semaphores do not mix, and every call refuses a closed one. */
#include "mq.h"
#include <semaphore.h>
#include <sys/stat.h>

static const char *name;
static char path[128];

static void clean(void) {
  if (getpid() != test_pid) return;
  ipc_sem_unlink_posix(name);
  ipc_sem_unlink(name);
}

int main(void) {
  name = unique_name("posix");
  atexit(clean);
  snprintf(path, sizeof path, "/dev/shm/sem.%s", name + 1);
  ipc_sem_t *sem = NULL, *own = NULL, *again = NULL;
  unsigned value = 77;
  struct stat status;

  CHECK_FAILS(ipc_sem_open(&sem, name, 0, IPC_POSIX, 0), -ENOENT, name);
  umask(077);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 1, IPC_POSIX | IPC_CREATE, 0664), IPC_CREATED);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0664);
  CHECK_EQUAL(ipc_sem_open(&again, name, 5, IPC_POSIX | IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_value(again, &value), 0);
  CHECK_EQUAL(value, 1);
  CHECK_EQUAL(ipc_sem_close(again), 0);
  CHECK_EQUAL(ipc_sem_open(&again, name, 5, IPC_POSIX | IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CHECK_FAILS(ipc_sem_open(&again, name, 0, IPC_POSIX | IPC_CHECK_OWNER, 0), -EACCES, "mode 0664");

  /* Without IPC_POSIX the name leads to another semaphore. Removing one of the two leaves the other. */
  CHECK_EQUAL(ipc_sem_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_sem_open(&own, name, 9, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_value(own, &value), 0);
  CHECK_EQUAL(value, 9);
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(ipc_sem_close(own), 0);

  CHECK_FAILS(ipc_sem_init(sem, 0), -EINVAL, "handle of");
  CHECK_FAILS(ipc_sem_destroy(sem), -EINVAL, "handle of");
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_FAILS(ipc_sem_wait(sem, IPC_FOREVER), -EBADF, "is closed");
  CHECK_FAILS(ipc_sem_post(sem), -EBADF, "is closed");
  CHECK_FAILS(ipc_sem_value(sem, &value), -EBADF, "is closed");
  CHECK_FAILS(ipc_sem_close(sem), -EBADF, "is closed");
  CHECK_EQUAL(ipc_sem_close(NULL), 0);
  ipc_mq_t *mq = make_mq(mq_name("other"), 1, 0);
  CHECK_FAILS(ipc_sem_wait((ipc_sem_t *)(void *)mq, 0), -EBADF, "another handle");
  CHECK_EQUAL(ipc_mq_close(mq), 0);

  int descriptors = open_descriptors();
  char sizes[64];
  snprintf(sizes, sizeof sizes, "%zu bytes, found %zu bytes", sizeof(sem_t), sizeof(sem_t) - 1);
  CHECK_EQUAL(truncate(path, sizeof(sem_t) - 1), 0);
  CHECK_FAILS(ipc_sem_open(&sem, name, 0, IPC_POSIX | IPC_CREATE, 0600), -EPROTO, sizes);
  CHECK_EQUAL(unlink(path), 0);
  CHECK_EQUAL(symlink("/etc/passwd", path), 0);
  CHECK_FAILS(ipc_sem_open(&sem, name, 0, IPC_POSIX | IPC_CREATE, 0600), -ELOOP, "symbolic link");
  CHECK_EQUAL(unlink(path), 0);
  CHECK_EQUAL(mkdir(path, 0700), 0);
  CHECK(ipc_sem_open(&sem, name, 0, IPC_POSIX, 0) < 0);
  CHECK_EQUAL(rmdir(path), 0);
  CHECK_FAILS(ipc_sem_open(&sem, name, 0, IPC_POSIX | IPC_READ_ONLY, 0), -EINVAL, "no meaning");
  CHECK_FAILS(ipc_sem_unlink_posix(NULL), -EINVAL, "name is NULL");
  CHECK_EQUAL(open_descriptors(), descriptors);
  return 0;
}
