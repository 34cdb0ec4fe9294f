/* The values of a set can be set: one, or all in one step. A waiter goes on, what was to be undone is forgotten, and a value or a
 * count out of range changes nothing. */
#include "sysv.h"

#include <limits.h>

static ipc_sysv_sem_t *set;

static void expect(int a, int b, int c) {
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), a);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 1), b);
  CHECK_EQUAL(semctl(ipc_sysv_sem_id(set), 2, GETVAL), c);
}

static void take_both(void *unused) {
  (void)unused;
  ipc_sysv_sem_op_t both[] = { { 0, -2, 0 }, { 2, -3, 0 } };
  CHECK_EQUAL(ipc_sysv_sem_op(set, both, 2, IPC_FOREVER), 0);
}

static void holder(void *unused) {
  (void)unused;
  ipc_sysv_sem_op_t ops[] = { { 0, -1, IPC_SYSV_UNDO }, { 1, -1, IPC_SYSV_UNDO } };
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 2, 0), 0);
  raise(SIGSTOP);
}

static pid_t stopped_holder(void) {
  pid_t child = start(holder, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  return child;
}

static void reader(void *unused) {
  (void)unused;
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 4);
  CHECK_FAILS(ipc_sysv_sem_set_value(set, 0, 1), -EACCES, "mode");
  CHECK_FAILS(ipc_sysv_sem_set_values(set, (unsigned short[]){ 1, 1, 1 }, 3), -EACCES, "mode");
}

static void out_of_range(void) {
  static const int values[] = { -1, IPC_SYSV_SEM_VALUE_MAX + 1, 65536, INT_MIN, INT_MAX };
  for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
    CHECK_FAILS(ipc_sysv_sem_set_value(set, 0, values[i]), -ERANGE, "expected 0 to 32767");
  static const int indices[] = { -1, 3, 65536, INT_MIN, INT_MAX };
  for (unsigned i = 0; i < sizeof indices / sizeof indices[0]; i++)
    CHECK_FAILS(ipc_sysv_sem_set_value(set, indices[i], 1), -EINVAL, "the set has 3");
  unsigned short few[] = { 9, 9, 9, 9 };
  static const int counts[] = { -1, 0, 2, 4, 65539, INT_MIN, INT_MAX };
  for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++)
    CHECK_FAILS(ipc_sysv_sem_set_values(set, few, counts[i]), -EINVAL, "the set has 3");
  CHECK_FAILS(ipc_sysv_sem_set_values(set, NULL, 3), -EINVAL, "NULL");
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (void *)((char *)few + 1), 3), -EINVAL);
  few[2] = IPC_SYSV_SEM_VALUE_MAX + 1;
  CHECK_FAILS(ipc_sysv_sem_set_values(set, few, 3), -ERANGE, "32768");
}

int main(void) {
  unsigned short values[] = { 1, 2, 3 };
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 3, values, IPC_CREATE, 0644), IPC_CREATED);
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 1, IPC_SYSV_SEM_VALUE_MAX), 0);
  expect(1, 32767, 3);
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 1, 258), 0);
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 2, 0), 0);
  expect(1, 258, 0);
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 32767, 0, 7 }, 3), 0);
  expect(32767, 0, 7);
  out_of_range();
  expect(32767, 0, 7);

  /* A waiter for two semaphores goes on after the second of two changes, or after one change of both. */
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 0, 0, 0 }, 3), 0);
  pid_t child = start(take_both, NULL);
  wait_until_inside(child, SYS_semtimedop);
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 0, 2), 0);
  expect(2, 0, 0);
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 2, 4), 0);
  FINISH(child);
  expect(0, 0, 1);
  child = start(take_both, NULL);
  wait_until_inside(child, SYS_semtimedop);
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 2, 5, 3 }, 3), 0);
  FINISH(child);
  expect(0, 5, 0);

  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 1, 1, 0 }, 3), 0);
  child = stopped_holder();
  expect(0, 0, 0);
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 0, 4), 0);
  KILL(child);
  expect(4, 1, 0); /* undone only where no value was set */
  child = stopped_holder();
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 4, 8, 2 }, 3), 0);
  KILL(child);
  expect(4, 8, 2);

  if (geteuid() == 0) FINISH(start(reader, NULL));
  expect(4, 8, 2);
  CHECK_EQUAL(ipc_sysv_sem_remove(set), 0);
  CHECK_FAILS(ipc_sysv_sem_set_value(set, 0, 1), -EIDRM, "removed");
  CHECK_FAILS(ipc_sysv_sem_set_values(set, values, 3), -EIDRM, "removed");
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  return 0;
}
