/* A writer is killed while it waits for the readers to leave. It has written nothing, so nobody gets IPC_OWNER_DIED,
 * and the readers that waited behind it go on. */
#include "rwlock.h"

int main(void) {
  make_rwlock();
  pid_t inside = start_stopped(read_and_stop, NULL);
  pid_t draining = start_asleep(write_once, NULL);
  /* Readers that arrive now wait until the writer has had its turn. */
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), -EAGAIN);
  pid_t behind[3];
  for (int i = 0; i < 3; i++) behind[i] = start_asleep(read_once, NULL);
  KILL(draining);
  for (int i = 0; i < 3; i++) FINISH(behind[i]);
  continue_child(inside);
  FINISH(inside);
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  return 0;
}
