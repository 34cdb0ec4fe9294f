/* ipc_mq_open_fd() opens the queue whose memory the descriptor leads to, even if the queue has lost its name. */
#include "test.h"

#include <fcntl.h>

int main(void) {
  const char *name = unique_name("mq-by-fd");
  char path[128], buffer[64];
  ipc_mq_t *mq, *other = NULL;
  const ipc_mq_attr_t attr = { .max_messages = 2, .message_size = sizeof buffer };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  snprintf(path, sizeof path, "/dev/shm%s", name);
  int fd = open(path, O_RDWR | O_CLOEXEC), readable = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && readable >= 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);

  CHECK_EQUAL(ipc_mq_open_fd(&other, fd, IPC_READ_ONLY | IPC_NONBLOCK), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "hello", 5, 3, 0), 0);
  unsigned priority;
  CHECK_EQUAL(ipc_mq_receive(other, buffer, sizeof buffer, &priority, IPC_FOREVER), 5);
  CHECK(memcmp(buffer, "hello", 5) == 0 && priority == 3);
  CHECK_EQUAL(ipc_mq_receive(other, buffer, sizeof buffer, NULL, IPC_FOREVER), -EAGAIN);
  CHECK_EQUAL(ipc_mq_send(other, "x", 1, 0, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_stale(other), 1);

  /* The descriptor belongs to the caller, and the first handle may be closed. */
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_open_fd(&mq, fd, 0), 0);
  CHECK_EQUAL(close(fd), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "again", 5, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(other, buffer, sizeof buffer, NULL, 0), 5);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(other), 0);

  other = NULL;
  CHECK_EQUAL(ipc_mq_open_fd(&other, readable, IPC_READ_ONLY), -EACCES);
  CHECK_EQUAL(ipc_mq_open_fd(&other, fd, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_open_fd(&other, -1, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_open_fd(NULL, readable, 0), -EINVAL);
  CHECK_FAILS(ipc_mq_open_fd(&other, readable, IPC_CREATE), -EINVAL, "no meaning");
  int ends[2], memory;
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(ipc_mq_open_fd(&other, ends[0], 0), -EMEDIUMTYPE);
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 4096, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  memory = open(path, O_RDWR | O_CLOEXEC);
  CHECK_EQUAL(ipc_mq_open_fd(&other, memory, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK(other == NULL);
  return 0;
}
