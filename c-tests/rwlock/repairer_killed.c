/* A locker that learns of a writer's death may die before it has repaired the data. The next locker then learns of
 * the death. */
#include "rwlock.h"

static void victim(void *expected) {
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), *(int *)expected);
  stop_here();
}

static void reading_victim(void *expected) {
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), *(int *)expected);
  stop_here();
}

int main(void) {
  make_rwlock();
  int clean = 0, died = IPC_OWNER_DIED;
  void (*victims[3])(void *) = {victim, reading_victim, victim};
  for (int i = 0; i < 3; i++) {
    start_and_kill(victims[i], i == 0 ? &clean : &died);
  }
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_rwlock_consistent(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
  return 0;
}
