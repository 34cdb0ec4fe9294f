/* A reader may lock again although a writer waits for it, even when its slot is not the first that
 * it would try; and the writer gets in once it has unlocked as often. */
#include "asleep.h"

#include <pthread.h>

static ipc_rwlock_t *rwlock;

static void writer(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

static void holder(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
  stop_here();
}

int main(void) {
  rwlock = shared_memory(sizeof *rwlock);
  /* Each round leaves this thread's slot at another distance from its first choice: others hold
   * the places before it, and are gone when it locks again. */
  for (int others = 0; others <= (int)IPC_RWLOCK_READERS_MAX - 1; others += 7) {
    CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
    pid_t holders[30];
    for (int i = 0; i < others; i++) wait_until_stopped(holders[i] = start(holder, NULL));
    CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
    for (int i = 0; i < others; i++) KILL(holders[i]);
    pid_t waiting = start(writer, NULL);
    wait_until_on_futex(waiting);
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
