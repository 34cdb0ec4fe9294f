/* Names of semaphores: what is malformed, too long, taken, missing, a symbolic link or another kind of object is refused,
 * and left as it is. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

static void refused(const char *name, int expected) {
  ipc_sem_t *sem = NULL;
  static const int flags[] = { 0, IPC_CREATE, IPC_CREATE | IPC_EXCLUSIVE, IPC_POSIX, IPC_POSIX | IPC_CREATE };
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    CHECK_EQUAL(ipc_sem_open(&sem, name, 1, flags[i], 0600), expected);
    CHECK(sem == NULL);
  }
  CHECK_EQUAL(ipc_sem_unlink(name), expected);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), expected);
}

int main(void) {
  char longest[253];
  longest[0] = '/';
  memset(longest + 1, 'n', sizeof longest - 1);
  longest[252] = 0;
  refused(longest, -ENAMETOOLONG);
  static const char *const malformed[] = { "", "/", "name", "/a/b", "//", "/.", "/.." };
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) refused(malformed[i], -EINVAL);
  refused(NULL, -EINVAL);

  const char *name = unique_name("names");
  ipc_sem_t *sem, *other = NULL;
  CHECK_FAILS(ipc_sem_open(&other, name, 1, 0, 0), -ENOENT, name);
  CHECK_EQUAL(ipc_sem_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_sem_open(&other, name, 1, IPC_EXCLUSIVE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(&other, name, 1, IPC_CREATE, 01000), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(&other, name, 1, IPC_ADOPT, 0), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(&other, name, IPC_SEM_VALUE_MAX + 1U, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(NULL, name, 1, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(&sem, name, IPC_SEM_VALUE_MAX, IPC_CREATE, 0640), IPC_CREATED);
  CHECK_FAILS(ipc_sem_open(&other, name, 1, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST, name);
  CHECK(other == NULL);
  /* The value and the mode of an existing semaphore stay. */
  unsigned value;
  CHECK_EQUAL(ipc_sem_open(&other, name, 1, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_value(other, &value), 0);
  CHECK_EQUAL(value, IPC_SEM_VALUE_MAX);
  CHECK_EQUAL(ipc_sem_post(other), -EOVERFLOW);
  CHECK_EQUAL(ipc_sem_close(other), 0);
  char path[100], link[100];
  struct stat status;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK(stat(path, &status) == 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  /* It lives without its name. */
  CHECK_EQUAL(ipc_sem_wait(sem, 0), 0);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(ipc_sem_close(sem), -EBADF);
  CHECK_EQUAL(ipc_sem_close(NULL), 0);

  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 64, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_sem_open(&other, name, 1, IPC_CREATE, 0600), -EMEDIUMTYPE, "shared memory region");
  CHECK_EQUAL(ipc_sem_unlink(name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_stale(shm), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  const char *linked = unique_name("linked");
  snprintf(link, sizeof link, "/dev/shm%s", linked);
  CHECK(symlink(path, link) == 0);
  CHECK_EQUAL(ipc_sem_open(&other, linked, 1, 0, 0), -ELOOP);
  CHECK_EQUAL(ipc_sem_open(&other, linked, 1, IPC_CREATE, 0600), -ELOOP);
  CHECK(unlink(link) == 0);
  return 0;
}
