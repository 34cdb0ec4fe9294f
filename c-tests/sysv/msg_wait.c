/* Waiting for a message and for room: without a limit, with a timeout, and with timeout 0. */
#include "sysv.h"

static ipc_sysv_msg_t *queue;
static char text[8192];

static void receive_forever(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 9, IPC_MSG_TYPE, 2, IPC_FOREVER), 4);
  CHECK(memcmp(text, "that", 4) == 0);
}

static void receive_limited(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 9, IPC_MSG_TYPE, 2, PATIENCE), 4);
}

static void send_forever(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 3, text, 8192, IPC_FOREVER), 0);
}

static void send_limited(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 3, text, 8192, PATIENCE), 0);
}

int main(void) {
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 9, IPC_MSG_ANY, 0, 0), -EAGAIN);
  int64_t before = now_ns();
  CHECK_EQUAL(
    ipc_sysv_msg_receive(queue, NULL, text, 9, IPC_MSG_ANY, 0, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - before >= 20 * MILLISECOND);

  void (*receivers[])(void *) = {receive_forever, receive_limited};
  for (int i = 0; i < 2; i++) {
    pid_t child = start(receivers[i], NULL);
    wait_until_inside(child, i == 0 ? SYS_msgrcv : SYS_ppoll);
    CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, "this", 4, 0), 0);
    CHECK_EQUAL(ipc_sysv_msg_send(queue, 2, "that", 4, 0), 0);
    FINISH(child);
    CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 9, IPC_MSG_ANY, 0, 0), 4);
  }

  ipc_sysv_msg_stat_t stat;
  CHECK_EQUAL(ipc_sysv_msg_stat(queue, &stat), 0);
  size_t room = stat.bytes_max / 8192;
  for (size_t i = 0; i < room; i++) CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 8192, 0), 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 8192, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 8192, 20 * MILLISECOND), -ETIMEDOUT);
  void (*senders[])(void *) = {send_forever, send_limited};
  for (int i = 0; i < 2; i++) {
    pid_t child = start(senders[i], NULL);
    wait_until_inside(child, i == 0 ? SYS_msgsnd : SYS_ppoll);
    CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 8192, IPC_MSG_ANY, 0, 0), 8192);
    FINISH(child);
  }
  long type;
  for (size_t i = 0; i < room; i++)
    CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, text, 8192, IPC_MSG_ANY, 0, 0), 8192);
  CHECK_EQUAL(type, 3);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  return 0;
}
