/* With IPC_MQ_OVERWRITE a send into a full queue drops the oldest message of the lowest priority, or the new message
 * itself, and both are counted. Reserved and borrowed messages stay. Only handles with the flag do so. */
#include "queue.h"

int main(void) {
  const char *name = unique_name("overwrite");
  ipc_mq_t *mq = make_queue(name, 3, 9000), *over = join_queue(name, IPC_MQ_OVERWRITE);
  ipc_mq_attr_t attr;
  CHECK_EQUAL(ipc_mq_getattr(over, &attr), 0);
  CHECK_EQUAL(attr.flags, IPC_MQ_OVERWRITE);

  send_text(over, "1", 1);
  send_text(over, "2", 0);
  send_text(over, "3", 0);
  CHECK_EQUAL(stat_of(mq).dropped, 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 9, 0), -EAGAIN);
  send_text(over, "4", 0); /* drops 2 */
  send_text(over, "5", 2); /* drops 3 */
  CHECK_EQUAL(stat_of(mq).dropped, 2);
  CHECK_EQUAL(count_of(mq), 3);
  CHECK_EQUAL(ipc_mq_send(over, "6", 1, 1, IPC_FOREVER), 0); /* drops 4 */
  send_text(over, "7", 0); /* drops itself */
  CHECK_EQUAL(stat_of(mq).dropped, 4);
  expect_text(mq, "5", 0);
  expect_text(mq, "1", 0);
  expect_text(mq, "6", 0);
  CHECK_EQUAL(count_of(mq), 0);

  /* Long ones and batches. */
  static char long_text[9000];
  for (int i = 0; i < 4; i++) {
    long_text[0] = (char)('a' + i);
    CHECK_EQUAL(ipc_mq_send(over, long_text, sizeof long_text, 0, 0), 0);
  }
  char text[] = "m";
  ipc_mq_message_t messages[2] = { { .data = text, .len = 1 }, { .data = text, .len = 1, .priority = 1 } };
  CHECK_EQUAL(ipc_mq_send_many(over, messages, 2, 0), 2);
  CHECK_EQUAL(stat_of(mq).dropped, 7);
  expect_text(mq, "m", 0);
  static char buffer[9000];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 9000);
  CHECK_EQUAL(buffer[0], 'd');
  expect_text(mq, "m", 0);

  /* A reservation drops the lowest message. Messages in use are never dropped. */
  for (int i = 0; i < 3; i++) send_text(over, "u", IPC_MQ_PRIORITY_MAX);
  void *reserved[3];
  const void *borrowed;
  CHECK_EQUAL(ipc_mq_reserve(over, &reserved[0], 0), 0);
  CHECK_EQUAL(ipc_mq_reserve(over, &reserved[1], 0), 0);
  CHECK_EQUAL(stat_of(mq).dropped, 9);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_send(over, "x", 1, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_reserve(over, &reserved[2], MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_commit(over, reserved[0], 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(over, "x", 1, 0, 0), 0);
  CHECK_EQUAL(stat_of(mq).dropped, 10);
  CHECK_EQUAL(ipc_mq_abandon(over, reserved[1]), 0);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  expect_text(mq, "x", 0);
  expect_all_room(mq, 3);

  ipc_mq_t *kernel;
  CHECK_FAILS(
    ipc_mq_open(&kernel, name, NULL, IPC_KERNEL | IPC_CREATE | IPC_MQ_OVERWRITE, 0600), -EINVAL, "IPC_MQ_OVERWRITE");
  CHECK_EQUAL(ipc_mq_close(over), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
