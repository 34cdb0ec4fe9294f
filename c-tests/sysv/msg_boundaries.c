/* Messages arrive complete and separate. A message that does not fit into the buffer stays, and the error text gives
 * its length. A message that can never be sent is refused at once. */
#include "sysv.h"

int main(void) {
  ipc_sysv_msg_t *queue;
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  int id = remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  static char sent[8192], got[8192 + 64];
  for (size_t i = 0; i < sizeof sent; i++) sent[i] = (char)(i * 7 + i / 256);
  size_t lengths[] = {3, 0, 1, 100, 7};
  for (int i = 0; i < 5; i++) CHECK_EQUAL(ipc_sysv_msg_send(queue, i + 1, sent, lengths[i], 0), 0);
  for (int i = 0; i < 5; i++) {
    long type;
    memset(got, '?', sizeof got);
    CHECK_EQUAL(
      ipc_sysv_msg_receive(queue, &type, got, sizeof got, IPC_MSG_ANY, 0, 0), lengths[i]);
    CHECK_EQUAL(type, i + 1);
    CHECK(memcmp(got, sent, lengths[i]) == 0);
    CHECK_EQUAL(got[lengths[i]], '?');
  }

  /* The longest message, with buffers of 0 bytes, one byte too few, and exactly its size. */
  struct msginfo limits;
  CHECK(msgctl(0, IPC_INFO, (struct msqid_ds *)&limits) >= 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, NULL, 0, 0), 0);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, NULL, 0, IPC_MSG_ANY, 0, 0), 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 2, "other", 5, 0), 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, sent, sizeof sent, 0), 0);
  CHECK_FAILS(
    ipc_sysv_msg_receive(queue, NULL, got, 8191, IPC_MSG_TYPE, 1, 0), -EMSGSIZE,
    "stays in the queue");
  if (strstr(ipc_last_error(), "more bytes than") == NULL) CHECK_LAST_ERROR("has 8192 bytes");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, NULL, 0, IPC_MSG_UP_TO, 2, IPC_FOREVER), -EMSGSIZE);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, got, 4, IPC_MSG_EXCEPT, 1, SECOND), -EMSGSIZE);
  if (strstr(ipc_last_error(), "more bytes than") == NULL) CHECK_LAST_ERROR("has 5 bytes");
  ipc_sysv_msg_stat_t stat;
  CHECK_EQUAL(ipc_sysv_msg_stat(queue, &stat), 0);
  CHECK_EQUAL(stat.messages, 2);
  CHECK_EQUAL(stat.bytes, 8197);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, got, 8192, IPC_MSG_TYPE, 1, 0), 8192);
  CHECK(memcmp(got, sent, 8192) == 0);
  /* The only message in the queue, so every kernel reports its length. */
  CHECK_FAILS(ipc_sysv_msg_receive(queue, NULL, got, 1, IPC_MSG_ANY, 0, 0), -EMSGSIZE, "has 5 bytes");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, got, SIZE_MAX, IPC_MSG_ANY, 0, 0), 5);

  /* Too long for the limit of the system. */
  size_t too_long = (size_t)limits.msgmax + 1;
  char *large = calloc(1, too_long);
  CHECK_FAILS(ipc_sysv_msg_send(queue, 1, large, too_long, IPC_FOREVER), -EMSGSIZE, "bytes");
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, large, SIZE_MAX, IPC_FOREVER), -EMSGSIZE);
  free(large);
  /* Too long for this queue: the kernel would wait for ever. */
  struct msqid_ds settings;
  CHECK(msgctl(id, IPC_STAT, &settings) == 0);
  settings.msg_qbytes = 100;
  CHECK(msgctl(id, IPC_SET, &settings) == 0);
  CHECK_FAILS(
    ipc_sysv_msg_send(queue, 1, sent, 101, IPC_FOREVER), -EMSGSIZE, "whole queue holds 100");
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, sent, 100, IPC_FOREVER), 0);

  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, NULL, 1, IPC_MSG_ANY, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, got, 1, IPC_MSG_ANY, 0, -2), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, sent, 1, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  return 0;
}
