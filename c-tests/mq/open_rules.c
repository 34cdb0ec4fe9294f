/* Opening reports correctly whether it created the queue, and sets the exact mode. It compares the requested sizes with
 * those of an existing queue, and refuses arguments that have no meaning. */
#include "mq.h"
#include <sys/stat.h>

int main(void) {
  const char *name = mq_name("open"), *other = mq_name("other");
  ipc_mq_t *mq = NULL, *again = NULL;
  ipc_mq_attr_t attr = { .max_messages = 3, .message_size = SIZE }, found;
  const int create = IPC_KERNEL | IPC_CREATE;

  CHECK_FAILS(ipc_mq_open(&mq, name, NULL, IPC_KERNEL, 0), -ENOENT, name);
  CHECK(mq == NULL);

  umask(077);
  mq = make_mq(other, 1, 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  static const mode_t modes[] = { 0666, 0640, 0600, 0777 };
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, create, modes[i]), IPC_CREATED);
    struct stat status;
    CHECK_EQUAL(fstat(ipc_mq_fd(mq), &status), 0);
    CHECK_EQUAL(status.st_mode & 07777, modes[i]);
    CHECK(fcntl(ipc_mq_fd(mq), F_GETFD) & FD_CLOEXEC);
    if (i == 3) break;
    CHECK_EQUAL(ipc_mq_close(mq), 0);
    CHECK_EQUAL(ipc_mq_unlink(name, IPC_KERNEL), 0);
  }

  CHECK_EQUAL(ipc_mq_open(&again, name, &attr, create, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_getattr(again, &found), 0);
  CHECK_EQUAL(found.max_messages, 3);
  CHECK_EQUAL(found.message_size, SIZE);
  CHECK_EQUAL(found.current_messages, 0);
  CHECK_EQUAL(found.flags, IPC_KERNEL);
  /* The attributes from ipc_mq_getattr() are accepted for opening. */
  ipc_mq_t *third;
  CHECK_EQUAL(ipc_mq_open(&third, name, &found, IPC_KERNEL | IPC_NONBLOCK | IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_getattr(third, &found), 0);
  CHECK_EQUAL(found.flags, IPC_KERNEL | IPC_NONBLOCK | IPC_READ_ONLY);
  CHECK_EQUAL(ipc_mq_close(third), 0);

  third = NULL;
  int descriptors = open_descriptors();
  CHECK_EQUAL(ipc_mq_open(&third, name, &attr, create | IPC_EXCLUSIVE, 0600), -EEXIST);
  attr.max_messages = 2;
  CHECK_FAILS(
    ipc_mq_open(&third, name, &attr, create, 0600), -EPROTO,
    "expected 2 messages of 64 bytes, found 3 messages of 64 bytes");
  attr = (ipc_mq_attr_t){ .max_messages = 3, .message_size = SIZE + 1 };
  CHECK_FAILS(
    ipc_mq_open(&third, name, &attr, IPC_KERNEL, 0), -EPROTO,
    "expected 3 messages of 65 bytes, found 3 messages of 64 bytes");
  attr = (ipc_mq_attr_t){ .max_messages = 3, .message_size = SIZE, .reserved = { [3] = 1 } };
  CHECK_FAILS(ipc_mq_open(&third, name, &attr, IPC_KERNEL, 0), -EINVAL, "reserved");
  CHECK_FAILS(
    ipc_mq_open(&third, name, NULL, IPC_KERNEL | IPC_CHECK_OWNER, 0), -EACCES, "found owner");
  CHECK(third == NULL);

  CHECK_FAILS(ipc_mq_open(NULL, name, NULL, IPC_KERNEL, 0), -EINVAL, "out is NULL");
  CHECK_FAILS(ipc_mq_open(&third, NULL, NULL, IPC_KERNEL, 0), -EINVAL, "name is NULL");
  CHECK_FAILS(ipc_mq_open(&third, "noslash", NULL, IPC_KERNEL, 0), -EINVAL, "begin with a slash");
  CHECK_FAILS(ipc_mq_open(&third, "/a/b", NULL, IPC_KERNEL, 0), -EINVAL, "second slash");
  CHECK_FAILS(ipc_mq_open(&third, name, NULL, IPC_KERNEL | IPC_ADOPT, 0), -EINVAL, "no meaning");
  CHECK_FAILS(ipc_mq_open(&third, name, NULL, IPC_KERNEL | 0x40000000, 0), -EINVAL, "no meaning");
  CHECK_FAILS(ipc_mq_open(&third, name, NULL, IPC_KERNEL | IPC_EXCLUSIVE, 0), -EINVAL, "IPC_CREATE");
  CHECK_FAILS(
    ipc_mq_open(&third, name, NULL, IPC_KERNEL | IPC_READ_ONLY | IPC_WRITE_ONLY, 0), -EINVAL, "exclude");
  CHECK_FAILS(ipc_mq_open(&third, name, NULL, create, 01000), -EINVAL, "permission bits");
  CHECK_FAILS(ipc_mq_unlink(name, IPC_KERNEL | IPC_CREATE), -EINVAL, "no meaning");
  CHECK_FAILS(ipc_mq_unlink(NULL, IPC_KERNEL), -EINVAL, "name is NULL");
  CHECK(third == NULL);
  CHECK_EQUAL(open_descriptors(), descriptors);

  if (geteuid() == 0) { /* permissions, as another user */
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      CHECK_EQUAL(fchmod(ipc_mq_fd(mq), 0640), 0);
      CHECK_EQUAL(setgid(65534), 0);
      CHECK_EQUAL(setuid(65534), 0);
      CHECK_FAILS(ipc_mq_open(&third, name, NULL, IPC_KERNEL, 0), -EACCES, name);
      CHECK(ipc_mq_unlink(name, IPC_KERNEL) < 0);
      exit(0);
    }
    FINISH(child);
  }
  CHECK_EQUAL(ipc_mq_close(again), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
