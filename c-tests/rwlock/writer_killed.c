/* A writer's death while it writes is reported to the next locker, reader or writer, which then has the lock alone.
 * The others wait until it has repaired the data and unlocked. */
#include "asleep.h"

static struct {
  ipc_rwlock_t rwlock;
  int halves[2];
} *shared;

static void victim(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, IPC_FOREVER), 0);
  shared->halves[0]++;
  stop_here();
}

static void reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), 0);
  CHECK_EQUAL(shared->halves[0], shared->halves[1]);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}

static void kill_a_writer(void) {
  pid_t child = start_stopped(victim, NULL);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, 10 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, 10 * MILLISECOND), -ETIMEDOUT);
  KILL(child);
}

static void repair_while_others_wait(void) {
  pid_t other = start_asleep(reader, NULL);
  shared->halves[1]++;
  CHECK_EQUAL(ipc_rwlock_consistent(&shared->rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  FINISH(other);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_rwlock_init(&shared->rwlock), 0);
  kill_a_writer();
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), IPC_OWNER_DIED);
  repair_while_others_wait();
  kill_a_writer();
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, PATIENCE), IPC_OWNER_DIED);
  repair_while_others_wait();

  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  return 0;
}
