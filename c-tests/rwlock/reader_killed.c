/* Readers killed while reading do not keep a writer out, whether it sleeps already or comes
 * later, and nobody is told of an owner's death: readers change nothing. */
#include "asleep.h"

static ipc_rwlock_t *rwlock;

static void reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, IPC_FOREVER), 0);
  stop_here();
}

static void writer(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

int main(void) {
  rwlock = shared_memory(sizeof *rwlock);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  pid_t readers[3];
  for (int i = 0; i < 3; i++) wait_until_stopped(readers[i] = start(reader, NULL));
  pid_t waiting = start(writer, NULL);
  wait_until_on_futex(waiting);
  for (int i = 0; i < 3; i++) KILL(readers[i]);
  FINISH(waiting);

  pid_t last = start(reader, NULL);
  wait_until_stopped(last);
  KILL(last);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_destroy(rwlock), 0);
  return 0;
}
