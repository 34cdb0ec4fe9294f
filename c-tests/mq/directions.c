/* A handle opened for one direction refuses the other with -EBADF and says why. */
#include "mq.h"

int main(void) {
  const char *name = mq_name("directions");
  ipc_mq_t *both = make_mq(name, 2, 0);
  ipc_mq_t *reader = join_mq(name, IPC_READ_ONLY), *writer = join_mq(name, IPC_WRITE_ONLY);
  char buffer[SIZE];
  CHECK_FAILS(ipc_mq_send(reader, "x", 1, 0, 0), -EBADF, "opened with IPC_READ_ONLY");
  CHECK_EQUAL(ipc_mq_send(writer, "x", 1, 0, 0), 0);
  CHECK_FAILS(
    ipc_mq_receive(writer, buffer, sizeof buffer, NULL, IPC_FOREVER), -EBADF, "opened with IPC_WRITE_ONLY");
  CHECK_EQUAL(ipc_mq_receive(reader, buffer, sizeof buffer, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_receive(both, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  ipc_mq_attr_t attr;
  CHECK_EQUAL(ipc_mq_getattr(writer, &attr), 0);
  CHECK_EQUAL(attr.flags, MQ_FLAGS | IPC_WRITE_ONLY);
  CHECK_EQUAL(ipc_mq_close(both), 0);
  CHECK_EQUAL(ipc_mq_close(reader), 0);
  CHECK_EQUAL(ipc_mq_close(writer), 0);
  return 0;
}
