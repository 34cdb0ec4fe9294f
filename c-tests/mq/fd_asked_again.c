/* ipc_mq_fd returns the same descriptor each time, and each time it is right: also when a program asks for it again and again
 * before each poll(), as event loops do. */
#include "queue.h"

#include <poll.h>

static int ready(ipc_mq_t *mq) {
  struct pollfd set = { .fd = ipc_mq_fd(mq), .events = POLLIN | POLLOUT };
  CHECK(poll(&set, 1, 0) >= 0);
  return set.revents;
}

int main(void) {
  const ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 16 };
  const char *name = unique_name("again");
  ipc_mq_t *mq, *other;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, 0, 0), IPC_OPENED);
  int fd = ipc_mq_fd(mq);
  char message[16];
  for (int round = 0; round < 20; round++) {
    for (int asked = 0; asked < round % 7; asked++) CHECK_EQUAL(ready(mq), POLLOUT);
    /* Sent by the handle itself, or by another one, of which the descriptor learns in another way. */
    ipc_mq_t *sender = round % 2 ? mq : other;
    CHECK_EQUAL(ipc_mq_send(sender, "a", 1, 0, 0), 0);
    for (int asked = 0; asked <= round % 3; asked++) CHECK_EQUAL(ready(mq), POLLIN | POLLOUT);
    CHECK_EQUAL(ipc_mq_send(mq, "b", 1, 0, 0), 0);
    for (int asked = 0; asked <= round % 4; asked++) CHECK_EQUAL(ready(mq), POLLIN);
    CHECK_EQUAL(ipc_mq_receive(mq, message, sizeof message, NULL, 0), 1);
    CHECK_EQUAL(ready(mq), POLLIN | POLLOUT);
    CHECK_EQUAL(ipc_mq_receive(mq, message, sizeof message, NULL, 0), 1);
    CHECK_EQUAL(ready(mq), POLLOUT);
    CHECK_EQUAL(ipc_mq_fd(mq), fd);
  }
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}
