/* The mode is exactly the requested one. A user that may not both read and write the queue is refused, for either
 * direction. IPC_CHECK_OWNER refuses a queue that another user owns or may write to. */
#include "queue.h"
#include <sys/stat.h>

static const char *name;

static void become_another(void) {
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(77);
}

static void denied(void *unused) {
  (void)unused;
  ipc_mq_t *mq;
  become_another();
  CHECK_FAILS(ipc_mq_open(&mq, name, NULL, 0, 0), -EACCES, name);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_READ_ONLY, 0), -EACCES);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_WRITE_ONLY, 0), -EACCES);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE, 0600), -EACCES);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  int result = ipc_mq_unlink(name, 0);
  CHECK(result == -EPERM || result == -EACCES);
}

static void permitted(void *unused) {
  (void)unused;
  become_another();
  ipc_mq_t *mq = join_queue(name, 0), *other;
  expect_text(mq, "to another", 0);
  send_text(mq, "back", 0);
  CHECK_FAILS(ipc_mq_open(&other, name, NULL, IPC_CHECK_OWNER, 0), -EACCES, "expected owner 65534");
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

int main(void) {
  char path[128];
  struct stat status;
  name = unique_name("permissions");
  snprintf(path, sizeof path, "/dev/shm%s", name);
  umask(077);
  ipc_mq_t *mq, *other;
  for (unsigned mode = 0600; mode <= 0666; mode += 022) {
    CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE | IPC_EXCLUSIVE, mode), IPC_CREATED);
    CHECK_EQUAL(stat(path, &status), 0);
    CHECK_EQUAL(status.st_mode & 07777, mode);
    CHECK_EQUAL(ipc_mq_close(mq), 0);
    CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  }
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE | IPC_EXCLUSIVE, 01000), -EINVAL);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_CHECK_OWNER, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  if (geteuid() != 0) SKIP("only root can become another user");
  FINISH(start(denied, NULL));
  /* Permission to read alone is not enough. */
  CHECK_EQUAL(chmod(path, 0644), 0);
  FINISH(start(denied, NULL));
  CHECK_EQUAL(chmod(path, 0666), 0);
  send_text(mq, "to another", 0);
  FINISH(start(permitted, NULL));
  expect_text(mq, "back", 0);
  CHECK_FAILS(ipc_mq_open(&other, name, NULL, IPC_CHECK_OWNER, 0), -EACCES, "0666");
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
