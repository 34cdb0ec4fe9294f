/* If a process is killed that took permits with IPC_SYSV_UNDO, they come back, to a waiter at once. Permits that it
 * took without the flag stay taken. */
#include "sysv.h"

static ipc_sysv_sem_t *set;

static void holder(void *unused) {
  (void)unused;
  ipc_sysv_sem_op_t ops[] = {{0, -1, IPC_SYSV_UNDO}, {1, -1, 0}};
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 2, 0), 0);
  raise(SIGSTOP);
}

static void waiter(void *unused) {
  (void)unused;
  ipc_sysv_sem_op_t take = {0, -1, IPC_SYSV_UNDO};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &take, 1, PATIENCE), 0);
}

int main(void) {
  unsigned short values[] = {1, 1};
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 2, values, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
  pid_t child = start(holder, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  pid_t next = start(waiter, NULL);
  wait_until_inside(next, SYS_semtimedop);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 0);
  KILL(child);
  FINISH(next);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 1); /* the waiter's came back too */
  CHECK_EQUAL(ipc_sysv_sem_value(set, 1), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  return 0;
}
