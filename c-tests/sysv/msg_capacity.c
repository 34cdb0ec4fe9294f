/* The bytes that a queue may hold can change. A sender that waits goes on when there is room, and no message is lost. More than
 * kernel.msgmnb is a privilege. */
#include "sysv.h"

static ipc_sysv_msg_t *queue;
static const char text[200];

static void sender(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 2, text, 60, IPC_FOREVER), 0);
}

static void without_privilege(void *unused) {
  (void)unused;
  int is_other = geteuid() == 0;
  if (is_other) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  ipc_sysv_msg_t *own;
  CHECK_EQUAL(ipc_sysv_msg_open(&own, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_sysv_msg_set_bytes_max(own, SIZE_MAX), -EPERM, "kernel.msgmnb");
  CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(own, 1), 0);
  CHECK_EQUAL(ipc_sysv_msg_remove(own), 0);
  CHECK_FAILS(ipc_sysv_msg_set_bytes_max(own, 1), -EIDRM, "removed");
  CHECK_EQUAL(ipc_sysv_msg_close(own), 0);
  if (is_other) CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(queue, 50), -EPERM);
}

int main(void) {
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0644), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  CHECK_FAILS(ipc_sysv_msg_set_bytes_max(queue, 0), -EINVAL, "expected 1 or more");
  CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(queue, 100), 0);
  ipc_sysv_msg_stat_t stat;
  CHECK_EQUAL(ipc_sysv_msg_stat(queue, &stat), 0);
  CHECK_EQUAL(stat.bytes_max, 100);
  CHECK_EQUAL(stat.mode, 0644);
  CHECK_EQUAL(stat.owner, geteuid());
  CHECK_FAILS(ipc_sysv_msg_send(queue, 1, text, 101, 0), -EMSGSIZE, "the whole queue holds 100");
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 60, 0), 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 60, 0), -EAGAIN);
  pid_t child = start(sender, NULL);
  wait_until_inside(child, SYS_msgsnd);
  CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(queue, 120), 0);
  FINISH(child);

  /* A smaller queue keeps what it has, and a change of the mode keeps the size. */
  CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(queue, 10), 0);
  CHECK_EQUAL(ipc_sysv_msg_set_permissions(queue, (uid_t)-1, (gid_t)-1, 0604), 0);
  CHECK_EQUAL(ipc_sysv_msg_stat(queue, &stat), 0);
  CHECK_EQUAL(stat.bytes_max, 10);
  CHECK_EQUAL(stat.messages, 2);
  CHECK_EQUAL(stat.mode, 0604);
  char buffer[60];
  for (long i = 1, type; i <= 2; i++) {
    CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, buffer, 60, IPC_MSG_ANY, 0, 0), 60);
    CHECK_EQUAL(type, i);
  }
  FINISH(start(without_privilege, NULL));
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  return 0;
}
