/* A queue keeps its messages while no process has it open. The descriptor that the next opener asks for reports
 * them. */
#include "queue.h"
#include <poll.h>

static int ready(int descriptor) {
  struct pollfd set = { .fd = descriptor, .events = POLLIN | POLLOUT };
  CHECK(poll(&set, 1, 0) >= 0);
  return set.revents;
}

int main(void) {
  const char *name = unique_name("mq");
  ipc_mq_t *mq = make_queue(name, 2, 16);
  CHECK_EQUAL(ready(ipc_mq_fd(mq)), POLLOUT);
  send_text(mq, "x", 0);
  CHECK_EQUAL(ready(ipc_mq_fd(mq)), POLLIN | POLLOUT);
  CHECK_EQUAL(ipc_mq_close(mq), 0);

  mq = join_queue(name, 0);
  CHECK_EQUAL(ready(ipc_mq_fd(mq)), POLLIN | POLLOUT);
  send_text(mq, "y", 0);
  CHECK_EQUAL(ready(ipc_mq_fd(mq)), POLLIN);
  CHECK_EQUAL(ipc_mq_close(mq), 0);

  /* The messages are reported even if another handle was opened first, without asking for the descriptor. */
  ipc_mq_t *other = join_queue(name, 0);
  expect_text(other, "x", 0);
  mq = join_queue(name, 0);
  CHECK_EQUAL(ready(ipc_mq_fd(mq)), POLLIN | POLLOUT);
  expect_text(mq, "y", 0);
  CHECK_EQUAL(ready(ipc_mq_fd(mq)), POLLOUT);
  CHECK_EQUAL(ready(ipc_mq_fd(other)), POLLOUT);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  return 0;
}
