/* A queue whose name is removed stays usable for the processes that have it open, and the name is free for a new
 * queue. */
#include "mq.h"

int main(void) {
  const char *name = mq_name("unlink");
  ipc_mq_t *mq = make_mq(name, 2, 0), *same = join_mq(name, 0), *fresh = NULL;
  CHECK_EQUAL(ipc_mq_send(mq, "kept", 4, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, MQ_FLAGS), 0);
  CHECK_FAILS(ipc_mq_unlink(name, MQ_FLAGS), -ENOENT, name);
  CHECK_EQUAL(ipc_mq_open(&fresh, name, NULL, MQ_FLAGS, 0), -ENOENT);
  fresh = make_mq(name, 2, 0);
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(fresh, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_receive(same, buffer, sizeof buffer, NULL, 0), 4);
  CHECK_EQUAL(ipc_mq_send(same, "back", 4, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 4);
  CHECK(memcmp(buffer, "back", 4) == 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(same), 0);
  CHECK_EQUAL(ipc_mq_close(fresh), 0);
  return 0;
}
