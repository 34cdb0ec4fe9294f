/* A writer killed while it waits for the readers to leave has written nothing: nobody is told, and
 * the readers that waited behind it go on. */
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
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

static void writer(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, IPC_FOREVER), 0);
}

int main(void) {
  rwlock = shared_memory(sizeof *rwlock);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  pid_t inside = start(reader, NULL);
  wait_until_stopped(inside);
  pid_t draining = start(writer, NULL);
  wait_until_on_futex(draining);
  /* Readers that come now let the writer go first. */
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EAGAIN);
  pid_t behind[3];
  for (int i = 0; i < 3; i++) wait_until_on_futex(behind[i] = start(late_reader, NULL));
  KILL(draining);
  for (int i = 0; i < 3; i++) FINISH(behind[i]);
  continue_child(inside);
  FINISH(inside);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  return 0;
}
