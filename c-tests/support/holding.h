/* One lock of each kind that a thread can hold, for tests in which the holder goes away. */
#ifndef HOLDING_H
#define HOLDING_H

#include "asleep.h"

typedef struct {
  ipc_mutex_t mutex;
  ipc_rwlock_t written, read;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
} Everything;

static Everything *everything;

__attribute__((unused)) static void make_everything(void) {
  everything = shared_memory(sizeof *everything);
  CHECK_EQUAL(ipc_mutex_init(&everything->mutex, NULL), 0);
  CHECK_EQUAL(ipc_rwlock_init(&everything->written), 0);
  CHECK_EQUAL(ipc_rwlock_init(&everything->read), 0);
  CHECK_EQUAL(ipc_permits_init(&everything->permits, 1), 0);
  CHECK_EQUAL(ipc_barrier_init(&everything->barrier, 2), 0);
}

__attribute__((unused)) static void hold_everything(void) {
  unsigned permit;
  CHECK_EQUAL(ipc_mutex_lock(&everything->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&everything->written, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&everything->read, PATIENCE), 0);
  CHECK_EQUAL(ipc_permits_take(&everything->permits, &permit, PATIENCE), 0);
  CHECK_EQUAL(ipc_barrier_join(&everything->barrier), 0);
}

/* Called by another thread than the holder. Checks that everything is held, and that nobody else can release it. */
__attribute__((unused)) static void check_held_by_another(void) {
  unsigned permit;
  CHECK_EQUAL(ipc_mutex_lock(&everything->mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_unlock(&everything->mutex), -EPERM);
  CHECK_EQUAL(ipc_rwlock_read_lock(&everything->written, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->written), -EPERM);
  CHECK_EQUAL(ipc_rwlock_write_lock(&everything->read, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->read), -EPERM);
  CHECK_EQUAL(ipc_permits_take(&everything->permits, &permit, 0), -EAGAIN);
  CHECK_EQUAL(ipc_permits_give(&everything->permits, 0), -EPERM);
  CHECK_EQUAL(ipc_barrier_leave(&everything->barrier), -EPERM);
}

/* Called when the holder is gone. Checks that everything can be taken, and that the result says so where data may be
 * half-changed. */
__attribute__((unused)) static void check_holder_died(void) {
  unsigned permit;
  CHECK_EQUAL(ipc_mutex_lock(&everything->mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&everything->mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&everything->mutex), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&everything->written, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_rwlock_consistent(&everything->written), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->written), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&everything->read, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->read), 0);
  CHECK_EQUAL(ipc_permits_take(&everything->permits, &permit, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_permits_give(&everything->permits, permit), 0);
  CHECK_EQUAL(ipc_barrier_wait(&everything->barrier, PATIENCE), -EOWNERDEAD);
  CHECK_EQUAL(ipc_barrier_reset(&everything->barrier), 0);
}

/* Called by the holder. */
__attribute__((unused)) static void let_go_of_everything(void) {
  CHECK_EQUAL(ipc_mutex_unlock(&everything->mutex), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->written), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&everything->read), 0);
  CHECK_EQUAL(ipc_permits_give(&everything->permits, 0), 0);
  CHECK_EQUAL(ipc_barrier_leave(&everything->barrier), 0);
}

#endif
