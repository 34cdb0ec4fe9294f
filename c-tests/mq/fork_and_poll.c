/* A child uses the handle that it inherits. Closing the handle in the child does not affect the parent's. Polling the
 * descriptor reports messages and room. */
#include "mq.h"
#include <poll.h>

static short ready(const ipc_mq_t *mq) {
  struct pollfd entry = { .fd = ipc_mq_fd(mq), .events = POLLIN | POLLOUT };
  CHECK(poll(&entry, 1, 0) >= 0);
  return entry.revents;
}

static void use(void *mq) {
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 6);
  CHECK(memcmp(buffer, "parent", 6) == 0);
  CHECK_EQUAL(ipc_mq_send(mq, "child", 5, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(mq), -EBADF);
}

int main(void) {
  if (MQ_FLAGS == 0) SKIP_UNDER_VALGRIND("it lacks futex_waitv");
  int before = open_descriptors();
  ipc_mq_t *mq = make_mq(mq_name("fork"), 1, 0);
  char buffer[SIZE];
  CHECK_EQUAL(ready(mq), POLLOUT);
  CHECK_EQUAL(ipc_mq_send(mq, "parent", 6, 0, 0), 0);
  CHECK_EQUAL(ready(mq), POLLIN);
  FINISH(start(use, mq));
  CHECK_EQUAL(ready(mq), POLLIN);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 5);
  CHECK_EQUAL(ready(mq), POLLOUT);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
