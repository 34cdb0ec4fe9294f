/* If a queue or set is removed, its waiters get -EIDRM, and so do later callers. A removed segment stays with the
 * processes that have it attached. */
#include "sysv.h"

static ipc_sysv_msg_t *queue;
static ipc_sysv_sem_t *set;
static char text[8192];

static void receiver(void *timeout) {
  CHECK_FAILS(
    ipc_sysv_msg_receive(queue, NULL, text, 1, IPC_MSG_TYPE, 99, *(int64_t *)timeout), -EIDRM,
    "removed");
}

static void sender(void *timeout) {
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 8192, *(int64_t *)timeout), -EIDRM);
}

static void taker(void *timeout) {
  ipc_sysv_sem_op_t take = {0, -1, 0};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &take, 1, *(int64_t *)timeout), -EIDRM);
}

int main(void) {
  int64_t forever = IPC_FOREVER, limited = PATIENCE;
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  while (ipc_sysv_msg_send(queue, 1, text, 8192, 0) == 0) {
  }
  unsigned short zero = 0;
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, &zero, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));

  pid_t children[] = {
    start(receiver, &forever), start(receiver, &limited), start(sender, &forever),
    start(sender, &limited),   start(taker, &forever),    start(taker, &limited)};
  long calls[] = {SYS_msgrcv, SYS_ppoll, SYS_msgsnd,
                  SYS_ppoll, SYS_semtimedop, SYS_semtimedop};
  for (int i = 0; i < 6; i++) wait_until_inside(children[i], calls[i]);
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), 0);
  CHECK_EQUAL(ipc_sysv_sem_remove(set), 0);
  for (int i = 0; i < 6; i++) FINISH(children[i]);

  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, text, 1, 0), -EIDRM);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 1, IPC_MSG_ANY, 0, IPC_FOREVER), -EIDRM);
  ipc_sysv_msg_stat_t msg_stat;
  CHECK_EQUAL(ipc_sysv_msg_stat(queue, &msg_stat), -EIDRM);
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), -EIDRM);
  ipc_sysv_sem_op_t give = {0, 1, 0};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &give, 1, 0), -EIDRM);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), -EIDRM);
  CHECK_EQUAL(ipc_sysv_sem_remove(set), -EIDRM);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  return 0;
}
