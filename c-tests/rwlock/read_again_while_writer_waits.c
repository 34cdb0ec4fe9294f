/* A reader may lock again although a writer waits for it, even if its slot is not the first one that it would try. The
 * writer gets the lock when the reader has unlocked as often as it locked. */
#include "rwlock.h"

#include <pthread.h>

int main(void) {
  make_rwlock();
  /* Each round places this thread's slot at another distance from its first choice: other readers hold the slots before
   * it, and have left when the thread locks again. */
  for (int others = 0; others <= (int)IPC_RWLOCK_READERS_MAX - 1; others += 7) {
    CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
    pid_t holders[30];
    for (int i = 0; i < others; i++) holders[i] = start_stopped(read_and_stop, NULL);
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
    for (int i = 0; i < others; i++) KILL(holders[i]);
    pid_t waiting = start_asleep(write_once, NULL);
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
    for (int i = 0; i < 3; i++) {
      CHECK_EQUAL(waitpid(waiting, NULL, WNOHANG), 0);
      CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
    }
    FINISH(waiting);
    CHECK_EQUAL(ipc_rwlock_unlock(rwlock), -EPERM);
  }
  return 0;
}
