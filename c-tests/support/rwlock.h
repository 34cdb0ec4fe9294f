/* For tests of the readers-writer lock: one lock, and what children do with it. */
#ifndef TEST_RWLOCK_H
#define TEST_RWLOCK_H

#include "asleep.h"

/* Shared with all children that are started after make_rwlock(). */
static ipc_rwlock_t *rwlock;

__attribute__((unused)) static void make_rwlock(void) {
  rwlock = shared_memory(sizeof *rwlock);
  CHECK_EQUAL(ipc_rwlock_init(rwlock), 0);
}

/* Holds the lock for reading until the parent continues the child. */
__attribute__((unused)) static void read_and_stop(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
  stop_here();
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

/* Holds the lock for writing until the parent continues the child. */
__attribute__((unused)) static void write_and_stop(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), 0);
  stop_here();
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

__attribute__((unused)) static void read_once(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(rwlock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

__attribute__((unused)) static void write_once(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(rwlock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(rwlock), 0);
}

#endif
