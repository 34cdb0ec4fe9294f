/* A reader may lock again although a writer waits for it, even when its slot is not the first that
 * it would try; and the writer gets in once it has unlocked as often. */
#include "rwlock.h"

#include <pthread.h>

int main(void) {
  make_rwlock();
  /* Each round leaves this thread's slot at another distance from its first choice: others hold
   * the places before it, and are gone when it locks again. */
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
