/* A mutex that is unlocked after IPC_OWNER_DIED without ipc_mutex_consistent() is lost for everyone, for present and
 * for later waiters. Only a new initialisation makes it usable. */
#include "test.h"

static void victim(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0);
  raise(SIGKILL);
}

static void waiter(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), -ENOTRECOVERABLE);
}

static void timed_waiter(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), -ENOTRECOVERABLE);
}

static void check(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  wait_for(start(victim, mutex));
  CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), IPC_OWNER_DIED);
  pid_t children[6];
  for (int i = 0; i < 6; i++) {
    children[i] = start(i % 2 == 0 ? waiter : timed_waiter, mutex);
    wait_until_inside(children[i], SYS_futex);
  }
  /* One of the waiters is killed, and the others still learn of it. */
  KILL(children[0]);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  for (int i = 1; i < 6; i++) FINISH(children[i]);
  FINISH(start(waiter, mutex));
  CHECK_FAILS(ipc_mutex_lock(mutex, 0), -ENOTRECOVERABLE, "before the data was declared consistent");
  CHECK_FAILS(ipc_mutex_unlock(mutex), -EPERM, "not locked");
  CHECK_FAILS(ipc_mutex_consistent(mutex), -EPERM, "not locked");

  CHECK_EQUAL(ipc_mutex_destroy(mutex), 0);
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
