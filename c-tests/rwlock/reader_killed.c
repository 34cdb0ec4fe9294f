/* Readers killed while they read do not keep a writer out, whether the writer sleeps already or arrives later. Nobody
 * gets IPC_OWNER_DIED, because readers change nothing. */
#include "rwlock.h"

static void reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, IPC_FOREVER), 0);
  stop_here();
}

int main(void) {
  make_rwlock();
  pid_t readers[3];
  for (int i = 0; i < 3; i++) readers[i] = start_stopped(reader, NULL);
  pid_t waiting = start_asleep(write_once, NULL);
  for (int i = 0; i < 3; i++) KILL(readers[i]);
  FINISH(waiting);

  start_and_kill(reader, NULL);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), 0);
  return 0;
}
