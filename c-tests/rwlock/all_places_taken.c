/* If all reader slots are taken, a further reader waits until a reader leaves or dies. */
#include "rwlock.h"

static void late_reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
}

int main(void) {
  make_rwlock();
  pid_t readers[IPC_RWLOCK_READERS_MAX];
  for (unsigned i = 0; i < IPC_RWLOCK_READERS_MAX; i++)
    readers[i] = start_stopped(read_and_stop, NULL);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 10 * MILLISECOND), -ETIMEDOUT);

  pid_t late = start_asleep(late_reader, NULL);
  continue_child(readers[7]);
  FINISH(late);
  FINISH(readers[7]);

  readers[7] = start_stopped(read_and_stop, NULL);
  late = start_asleep(late_reader, NULL);
  KILL(readers[7]);
  FINISH(late);
  for (unsigned i = 0; i < IPC_RWLOCK_READERS_MAX; i++)
    if (i != 7) KILL(readers[i]);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  return 0;
}
