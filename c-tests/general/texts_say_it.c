/* Error texts show names as people write them, both sides, and only advice that the call can take. */
#include "test.h"

#include <fcntl.h>

#define CHECK_SAYS_NOT(part) CHECK(strstr(ipc_last_error(), (part)) == NULL)

int main(void) {
  ipc_shm_t *shm;
  ipc_sem_t *sem;
  ipc_mq_t *mq;

  /* Valid, printable UTF-8 is shown; everything else is escaped, so that a text is one line. */
  CHECK_FAILS(ipc_shm_open(&shm, "/gr\xc3\xb6\xc3\x9f" "e-\xe6\xb8\xa9\xe5\xba\xa6", 8, 0, 0), -ENOENT,
              "/gr\xc3\xb6\xc3\x9f" "e-\xe6\xb8\xa9\xe5\xba\xa6");
  CHECK_FAILS(ipc_shm_open(&shm, "/it's \"x\"", 8, 0, 0), -ENOENT, "/it's \"x\"");
  CHECK_FAILS(ipc_shm_open(&shm, "/a\nb\xff\x1b", 8, 0, 0), -ENOENT, "/a\\nb\\xff\\x1b");
  CHECK_FAILS(ipc_fifo_open("/nowhere/f\xc3\xbcr", IPC_READ_ONLY, 0), -ENOENT, "f\xc3\xbcr");
  CHECK_FAILS(ipc_sock_connect("/nowhere/f\xc3\xbcr", IPC_SOCK_STREAM, 0, 0), -ENOENT, "f\xc3\xbcr");
  const char *const argv[] = { "/nowhere/f\xc3\xbcr", NULL };
  ipc_child_t *child;
  CHECK_FAILS(ipc_spawn(&child, argv, 0), -ENOENT, "f\xc3\xbcr");
  const char *const under_a_file[] = { "/etc/passwd/x", NULL };
  CHECK_FAILS(ipc_spawn(&child, under_a_file, 0), -ENOTDIR, "/etc/passwd/x");

  /* IPC_ADOPT is recommended only by calls that take it. */
  const char *name = unique_name("foreign");
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && ftruncate(fd, 8192) == 0);
  CHECK_FAILS(ipc_shm_open(&shm, name, 100, 0, 0), -EPROTO, "IPC_ADOPT");
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, 0, 0), -EPROTO);
  CHECK_SAYS_NOT("IPC_ADOPT");
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), -EPROTO);
  CHECK_SAYS_NOT("IPC_ADOPT");

  /* No article before a vowel that is not there. */
  CHECK_EQUAL(ipc_remove(IPC_KIND_OTHER, name, 0), -EMEDIUMTYPE);
  CHECK_LAST_ERROR("expected an object of another kind");

  /* A reader is told that it holds the lock, and how. */
  ipc_shm_t *memory;
  CHECK_EQUAL(ipc_shm_anonymous(&memory, sizeof(ipc_rwlock_t)), 0);
  ipc_rwlock_t *rwlock = ipc_shm_data(memory);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  CHECK_FAILS(ipc_rwlock_consistent(rwlock), -EPERM, "does not hold");
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_FAILS(ipc_rwlock_consistent(rwlock), -EPERM, "for reading");
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);

  CHECK(strcmp(ipc_strerror(-4000), "unknown error number") == 0);
  CHECK_FAILS(ipc_fifo_open("", IPC_READ_ONLY, 0), -EINVAL, "empty");
  CHECK_FAILS(ipc_fifo_create("", 0, 0600), -EINVAL, "empty");
  CHECK_FAILS(ipc_fifo_unlink(""), -EINVAL, "empty");
  return 0;
}
