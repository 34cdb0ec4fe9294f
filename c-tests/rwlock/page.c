/* ipc_rwlock(3), sentence by sentence. */
#include "page.h"

static ipc_rwlock_t *lock, *other;

static void init_lock(void *memory) { CHECK_EQUAL(ipc_rwlock_init(memory), 0); }

static void hold_reading(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, 0), 0);
  stop_here();
}

static void hold_writing(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, 0), 0);
  stop_here();
}

static void repair_and_die(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, PATIENCE), IPC_OWNER_DIED);
  _exit(0);
}

static void cannot_write(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_rwlock_unlock(lock), -EPERM);
  CHECK_EQUAL(ipc_rwlock_consistent(lock), -EPERM);
}

static void faults(void) {
  CLAIM("It takes 2048 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_rwlock_t), 2048);
  CHECK_EQUAL(_Alignof(ipc_rwlock_t), 8);
  CLAIM("rwlock is NULL, misaligned or not initialised, timeout_ns is invalid");
  CHECK_EQUAL(ipc_rwlock_read_lock(NONE(ipc_rwlock_t), 0), -EINVAL);
  CHECK_EQUAL(ipc_rwlock_unlock(MISALIGNED(ipc_rwlock_t)), -EINVAL);
  CHECK_EQUAL(ipc_rwlock_write_lock(other, 0), -EINVAL);
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, INT64_MIN), -EINVAL);
  CLAIM("The memory holds something other than a readers-writer lock of this library's version and C library.");
  CHECK_EQUAL(ipc_barrier_init((ipc_barrier_t *)other, 2), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(other, 0), -EPROTO);
  CLAIM("The lock lies in memory that was opened with IPC_READ_ONLY, and the call has to write to it.");
  CHECK_EQUAL(ipc_rwlock_read_lock(read_only_copy(unique_name("page"), sizeof(ipc_rwlock_t), init_lock), 0), -EACCES);
}

static void readers(void) {
  CLAIM("A thread that holds the lock for reading may lock it for reading again");
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, 0), 0);
  CLAIM("this thread holds the lock, for reading or writing");
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, 0), -EDEADLK);
  CLAIM("ipc_rwlock_init() and ipc_rwlock_destroy(): a thread holds the lock.");
  CHECK_EQUAL(ipc_rwlock_destroy(lock), -EBUSY);
  CHECK_EQUAL(ipc_rwlock_init(lock), -EBUSY);
  CLAIM("It unlocks as often as it has locked.");
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
  FINISH(start(cannot_write, NULL));
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(lock), -EPERM);
  CLAIM("this thread holds the lock for writing");
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, 0), -EDEADLK);
  CLAIM("ipc_rwlock_consistent() was called although no writer died");
  CHECK_EQUAL(ipc_rwlock_consistent(lock), -EINVAL);
  CLAIM("The child does not hold the lock, waits for it as other processes do, and cannot unlock it.");
  FINISH(start(cannot_write, NULL));
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
  CLAIM("Up to IPC_RWLOCK_READERS_MAX (30) threads hold it for reading at the same time");
  CHECK_EQUAL(IPC_RWLOCK_READERS_MAX, 30);
  pid_t holders[IPC_RWLOCK_READERS_MAX];
  for (int i = 0; i < IPC_RWLOCK_READERS_MAX; i++) holders[i] = start_stopped(hold_reading, NULL);
  CLAIM("or all places for readers are taken");
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, 0), -EAGAIN);
  CLAIM("If a reader dies, its place becomes free. No other thread is informed, because a reader changes nothing.");
  KILL(holders[0]);
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
  for (int i = 1; i < IPC_RWLOCK_READERS_MAX; i++) KILL(holders[i]);
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
}

static void writers(void) {
  KILL(start_stopped(hold_writing, NULL));
  CLAIM("If a writer dies while it writes, the next locker gets IPC_OWNER_DIED, for reading or writing alike, and holds the lock alone.");
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, PATIENCE), IPC_OWNER_DIED);
  FINISH(start(cannot_write, NULL));
  CLAIM("It repairs the data, calls ipc_rwlock_consistent(), and unlocks.");
  CHECK_EQUAL(ipc_rwlock_consistent(lock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
  CLAIM("If that thread dies before ipc_rwlock_consistent(), the next locker gets IPC_OWNER_DIED too.");
  KILL(start_stopped(hold_writing, NULL));
  FINISH(start(repair_and_die, NULL));
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, PATIENCE), IPC_OWNER_DIED);
  CLAIM("and from then on every lock fails with -ENOTRECOVERABLE");
  CHECK_EQUAL(ipc_rwlock_unlock(lock), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(lock, 0), -ENOTRECOVERABLE);
  CHECK_EQUAL(ipc_rwlock_write_lock(lock, 0), -ENOTRECOVERABLE);
}

int main(void) {
  lock = shared_memory(sizeof *lock);
  other = shared_memory(sizeof *other);
  init_lock(lock);
  faults();
  readers();
  writers();
  return 0;
}
