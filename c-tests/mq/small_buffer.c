/* A buffer smaller than the queue's message size is refused, the error text gives that size, and the message stays. */
#include "mq.h"

int main(void) {
  ipc_mq_t *mq = make_mq(mq_name("small"), 2, 0);
  char buffer[SIZE];
  memset(buffer, '.', sizeof buffer);
  unsigned priority = 77;
  CHECK_EQUAL(ipc_mq_send(mq, "stays", 5, 3, 0), 0);
  /* This buffer is refused too, although the message would fit. */
  for (size_t capacity = 0; capacity < SIZE; capacity++)
    CHECK_FAILS(
      ipc_mq_receive(mq, buffer, capacity, &priority, IPC_FOREVER), -EMSGSIZE,
      "up to 64 bytes, which the buffer needs");
  CHECK(buffer[0] == '.' && priority == 77);
  ipc_mq_attr_t attr;
  CHECK_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  CHECK_EQUAL(attr.current_messages, 1);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, SIZE, &priority, 0), 5);
  CHECK(memcmp(buffer, "stays", 5) == 0 && priority == 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
