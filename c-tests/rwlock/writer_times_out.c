/* A writer that gives up waiting for readers lets in the readers that waited behind it. */
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
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 300 * MILLISECOND), -ETIMEDOUT);
}

int main(void) {
  rwlock = shared_memory(sizeof *rwlock);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
  pid_t inside = start(reader, NULL);
  wait_until_stopped(inside);
  pid_t draining = start(writer, NULL);
  wait_until_on_futex(draining);
  pid_t behind[3];
  for (int i = 0; i < 3; i++) behind[i] = start(late_reader, NULL);
  FINISH(draining);
  for (int i = 0; i < 3; i++) FINISH(behind[i]);
  continue_child(inside);
  FINISH(inside);
  return 0;
}
