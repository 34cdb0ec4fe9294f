/* Several operations on a set happen together or not at all. Waits for a larger value and for zero. Values beyond the
 * limits are errors. */
#include "sysv.h"

static ipc_sysv_sem_t *set;

static void take_both(void *unused) {
  (void)unused;
  ipc_sysv_sem_op_t both[] = {{0, -1, 0}, {1, -1, 0}};
  CHECK_EQUAL(ipc_sysv_sem_op(set, both, 2, IPC_FOREVER), 0);
}

static void await_zero(void *unused) {
  (void)unused;
  ipc_sysv_sem_op_t zero = {2, 0, 0};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &zero, 1, PATIENCE), 0);
}

static void expect(int a, int b, int c) {
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), a);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 1), b);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 2), c);
}

int main(void) {
  unsigned short values[] = {1, 0, 5};
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 3, values, IPC_CREATE, 0640), IPC_CREATED);
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
  ipc_sysv_sem_stat_t stat;
  CHECK_EQUAL(ipc_sysv_sem_stat(set, &stat), 0);
  CHECK_EQUAL(stat.count, 3);
  CHECK_EQUAL(stat.mode, 0640);
  CHECK(stat.operation_time != 0);
  expect(1, 0, 5);

  /* One permit is there and the other is not, so neither is taken. */
  ipc_sysv_sem_op_t both[] = {{0, -1, 0}, {1, -1, 0}};
  CHECK_EQUAL(ipc_sysv_sem_op(set, both, 2, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sysv_sem_op(set, both, 2, 10 * MILLISECOND), -ETIMEDOUT);
  expect(1, 0, 5);
  pid_t child = start(take_both, NULL);
  wait_until_inside(child, SYS_semtimedop);
  expect(1, 0, 5);
  ipc_sysv_sem_op_t give = {1, 1, 0};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &give, 1, 0), 0);
  FINISH(child);
  expect(0, 0, 5);

  child = start(await_zero, NULL);
  wait_until_inside(child, SYS_semtimedop);
  ipc_sysv_sem_op_t take_all = {2, -5, 0};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &take_all, 1, 0), 0);
  FINISH(child);

  /* The waiting process is killed, and nothing has changed. */
  child = start(take_both, NULL);
  wait_until_inside(child, SYS_semtimedop);
  KILL(child);
  expect(0, 0, 0);

  ipc_sysv_sem_op_t bad[] = {{0, 32767, 0}, {0, 1, 0}};
  CHECK_EQUAL(ipc_sysv_sem_op(set, bad, 2, 0), -ERANGE);
  expect(0, 0, 0);
  ipc_sysv_sem_op_t beyond = {3, 1, 0};
  CHECK_FAILS(ipc_sysv_sem_op(set, &beyond, 1, 0), -EINVAL, "semaphore 3");
  ipc_sysv_sem_op_t flags = {0, 1, 2};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &flags, 1, 0), -EINVAL);
  static ipc_sysv_sem_op_t many[501];
  CHECK_EQUAL(ipc_sysv_sem_op(set, many, 500, 0), 0);
  CHECK_EQUAL(ipc_sysv_sem_op(set, many, 501, 0), -E2BIG);
  CHECK_EQUAL(ipc_sysv_sem_op(set, many, SIZE_MAX, 0), -E2BIG);
  CHECK_EQUAL(ipc_sysv_sem_op(set, many, 0, 0), -E2BIG);
  CHECK_EQUAL(ipc_sysv_sem_op(set, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_op(set, many, 1, -2), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 3), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_value(set, -1), -EINVAL);
  expect(0, 0, 0);

  ipc_sysv_sem_t *other = NULL;
  unsigned short large = 32768;
  CHECK_EQUAL(ipc_sysv_sem_open(&other, IPC_SYSV_PRIVATE, 1, &large, IPC_CREATE, 0600), -ERANGE);
  CHECK_EQUAL(ipc_sysv_sem_open(&other, IPC_SYSV_PRIVATE, 0, NULL, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_open(&other, IPC_SYSV_PRIVATE, -1, NULL, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_open(&other, IPC_SYSV_PRIVATE, 1 << 20, NULL, IPC_CREATE, 0600), -EINVAL);
  CHECK_FAILS(ipc_sysv_sem_open_id(&other, stat.id, 2, 0), -EPROTO, "expected 2 semaphores, found 3");
  CHECK(other == NULL);
  CHECK_EQUAL(ipc_sysv_sem_open_id(&other, stat.id, 0, 0), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(other), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  return 0;
}
