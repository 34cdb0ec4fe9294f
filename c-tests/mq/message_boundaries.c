/* One receive returns one message, with the length with which it was sent. This includes an empty message and one of
 * full size. */
#include "mq.h"

int main(void) {
  ipc_mq_t *mq = make_mq(mq_name("boundaries"), 4, 0);
  char message[SIZE + 1], buffer[2 * SIZE];
  static const size_t lengths[] = { 3, 0, SIZE, 1 };
  for (int i = 0; i < 4; i++) {
    memset(message, 'a' + i, sizeof message);
    CHECK_EQUAL(ipc_mq_send(mq, lengths[i] == 0 ? NULL : message, lengths[i], 0, 0), 0);
  }
  for (int i = 0; i < 4; i++) {
    memset(buffer, '.', sizeof buffer);
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), lengths[i]);
    for (size_t at = 0; at < sizeof buffer; at++)
      CHECK_EQUAL(buffer[at], at < lengths[i] ? 'a' + i : '.');
  }

  CHECK_FAILS(ipc_mq_send(mq, message, SIZE + 1, 0, 0), -EMSGSIZE, "up to 64 bytes, this one has 65");
  /* The kernel checks the number of bytes first, valgrind checks the bytes first. */
  if (!is_under_valgrind())
    CHECK_FAILS(ipc_mq_send(mq, message, SIZE_MAX, 0, 0), -EMSGSIZE, "up to 64 bytes");
  CHECK_FAILS(ipc_mq_send(mq, message, 1, IPC_MQ_PRIORITY_MAX + 1, 0), -EINVAL, "expected at most 32767");
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
