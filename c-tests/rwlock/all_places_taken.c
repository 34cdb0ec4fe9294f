/* One reader more than there are places waits until one leaves, or dies. */
#include "asleep.h"

static ipc_rwlock_t *rwlock;

static void reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
  stop_here();
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

static void late_reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
}

int main(void) {
  rwlock = shared_memory(sizeof *rwlock);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  pid_t readers[IPC_RWLOCK_READERS_MAX];
  for (unsigned i = 0; i < IPC_RWLOCK_READERS_MAX; i++)
    wait_until_stopped(readers[i] = start(reader, NULL));
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 10 * MILLISECOND), -ETIMEDOUT);

  pid_t late = start(late_reader, NULL);
  wait_until_on_futex(late);
  continue_child(readers[7]);
  FINISH(late);
  FINISH(readers[7]);

  readers[7] = start(reader, NULL);
  wait_until_stopped(readers[7]);
  late = start(late_reader, NULL);
  wait_until_on_futex(late);
  KILL(readers[7]);
  FINISH(late);
  for (unsigned i = 0; i < IPC_RWLOCK_READERS_MAX; i++)
    if (i != 7) KILL(readers[i]);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  return 0;
}
