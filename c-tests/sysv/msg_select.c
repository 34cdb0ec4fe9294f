/* The four ways to select a message, the FIFO order within a type, and that a message is received once. */
#include "sysv.h"

#include <limits.h>

static ipc_sysv_msg_t *queue;

static void send(long type, const char *text) {
  CHECK_EQUAL(ipc_sysv_msg_send(queue, type, text, strlen(text), 0), 0);
}

static void expect(int select, long wanted, long type, const char *text) {
  char buf[16];
  long found = -1;
  ssize_t length = ipc_sysv_msg_receive(queue, &found, buf, sizeof buf, select, wanted, 0);
  CHECK_EQUAL(length, strlen(text));
  CHECK(memcmp(buf, text, strlen(text)) == 0);
  CHECK_EQUAL(found, type);
}

static void expect_none(int select, long wanted) {
  char buf[16] = "untouched";
  long found = -1;
  CHECK_EQUAL(
    ipc_sysv_msg_receive(queue, &found, buf, sizeof buf, select, wanted, 0), -EAGAIN);
  CHECK_EQUAL(found, -1);
  CHECK(strcmp(buf, "untouched") == 0);
}

int main(void) {
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  const char *texts[] = {"5a", "3a", "7a", "3b", "5b", "1a"};
  for (int i = 0; i < 6; i++) send(texts[i][0] - '0', texts[i]);

  expect(IPC_MSG_TYPE, 3, 3, "3a"); /* exactly one type, past older ones */
  expect(IPC_MSG_TYPE, 3, 3, "3b"); /* FIFO within it */
  expect_none(IPC_MSG_TYPE, 3); /* received once */
  expect_none(IPC_MSG_TYPE, 2);
  expect(IPC_MSG_UP_TO, 6, 1, "1a"); /* the lowest type, although it came last */
  expect(IPC_MSG_UP_TO, 6, 5, "5a");
  expect_none(IPC_MSG_UP_TO, 4);
  expect(IPC_MSG_EXCEPT, 5, 7, "7a");
  expect_none(IPC_MSG_EXCEPT, 5);
  send(9, "9a");
  expect(IPC_MSG_ANY, 0, 5, "5b"); /* the oldest */
  expect(IPC_MSG_ANY, 0, 9, "9a");
  expect_none(IPC_MSG_ANY, 0);

  /* The smallest and the largest types. */
  send(LONG_MAX, "max");
  expect_none(IPC_MSG_UP_TO, LONG_MAX - 1);
  expect(IPC_MSG_UP_TO, LONG_MAX, LONG_MAX, "max");
  char byte;
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 0, "", 0, 0), -EINVAL);
  CHECK_FAILS(ipc_sysv_msg_send(queue, -1, "", 0, 0), -EINVAL, "type -1");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, &byte, 1, IPC_MSG_TYPE, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, &byte, 1, IPC_MSG_UP_TO, LONG_MIN, 0), -EINVAL);
  CHECK_FAILS(ipc_sysv_msg_receive(queue, NULL, &byte, 1, 4, 1, 0), -EINVAL, "select is 4");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, &byte, 1, -1, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  return 0;
}
