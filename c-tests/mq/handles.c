/* Closed, foreign and NULL handles, and NULL where a value is needed, are errors. errno and the outputs stay
 * unchanged. */
#include "mq.h"

int main(void) {
  const char *name = mq_name("handles");
  ipc_mq_t *mq = make_mq(name, 2, 0);
  char buffer[SIZE], message[] = "x";
  unsigned priority = 77;
  ipc_mq_attr_t attr;
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_SIGNAL, .signal = SIGUSR1 };

  errno = 33;
  CHECK_FAILS(ipc_mq_send(mq, NULL, 1, 0, 0), -EINVAL, "msg is NULL");
  CHECK_FAILS(ipc_mq_receive(mq, NULL, SIZE, &priority, 0), -EINVAL, "buf is NULL");
  CHECK_FAILS(ipc_mq_receive(mq, NULL, 0, &priority, 0), -EINVAL, "buf is NULL");
  CHECK_FAILS(ipc_mq_receive(mq, buffer, SIZE, (unsigned *)(void *)(buffer + 1), 0), -EINVAL, "priority is");
  CHECK_FAILS(ipc_mq_getattr(mq, NULL), -EINVAL, "attr is NULL");

  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), -EAGAIN);
  CHECK_EQUAL(priority, 77);

  uint64_t local[8] = { 0 };
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_anonymous(&shm, 100), 0);
  ipc_mq_t *closed = join_mq(name, 0);
  CHECK_EQUAL(ipc_mq_close(closed), 0);
  const struct {
    ipc_mq_t *handle;
    int result;
    const char *text;
  } wrong[] = {
    { NULL, -EINVAL, "is NULL" },
    { (ipc_mq_t *)(void *)local, -EBADF, "is not a handle" },
    { (ipc_mq_t *)(void *)shm, -EBADF, "another handle" },
    { closed, -EBADF, "is closed" },
  };
  for (int i = 0; i < 4; i++) {
    CHECK_FAILS(ipc_mq_send(wrong[i].handle, message, 1, 0, IPC_FOREVER), wrong[i].result, wrong[i].text);
    CHECK_FAILS(
      ipc_mq_receive(wrong[i].handle, buffer, SIZE, NULL, IPC_FOREVER), wrong[i].result, wrong[i].text);
    CHECK_FAILS(ipc_mq_getattr(wrong[i].handle, &attr), wrong[i].result, wrong[i].text);
    CHECK_FAILS(ipc_mq_fd(wrong[i].handle), wrong[i].result, wrong[i].text);
    CHECK_FAILS(ipc_mq_notify(wrong[i].handle, &how), wrong[i].result, wrong[i].text);
    if (wrong[i].handle == NULL)
      CHECK_EQUAL(ipc_mq_close(NULL), 0);
    else
      CHECK_FAILS(ipc_mq_close(wrong[i].handle), wrong[i].result, wrong[i].text);
  }
  CHECK_EQUAL(errno, 33);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
