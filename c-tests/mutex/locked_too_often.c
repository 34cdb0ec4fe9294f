/* A recursive mutex, and a reader of a readers-writer lock, count up to 4294967295 locks beyond the first. One more is
 * refused and changes nothing. The test puts the count near its limit, because nobody has the time to reach it. */
#include "test.h"

typedef union {
  ipc_mutex_t mutex;
  ipc_rwlock_t rwlock;
  uint32_t words[512];
} Lock;

static int lock_mutex(Lock *lock) { return ipc_mutex_lock(&lock->mutex, 0); }
static int unlock_mutex(Lock *lock) { return ipc_mutex_unlock(&lock->mutex); }
static int lock_reader(Lock *lock) { return ipc_rwlock_read_lock(&lock->rwlock, 0); }
static int unlock_reader(Lock *lock) { return ipc_rwlock_unlock(&lock->rwlock); }

static void is_held(void *lock) {
  CHECK_EQUAL(ipc_mutex_lock(lock, 0), -EAGAIN);
}

static void check(Lock *lock, int (*take)(Lock *), int (*give)(Lock *), size_t size) {
  Lock before;
  CHECK_EQUAL(take(lock), 0);
  memcpy(&before, lock, size);
  CHECK_EQUAL(take(lock), 0);
  /* The second lock has changed the count alone. */
  uint32_t *count = NULL;
  for (size_t i = 0; i < size / sizeof(uint32_t); i++) {
    if (lock->words[i] == before.words[i]) continue;
    CHECK(count == NULL);
    count = &lock->words[i];
  }
  CHECK(count != NULL);
  CHECK_EQUAL(*count, 1);
  *count = UINT32_MAX - 1;
  CHECK_EQUAL(take(lock), 0);
  CHECK_EQUAL(*count, UINT32_MAX);
  for (int i = 0; i < 2; i++) CHECK_FAILS(take(lock), -EOVERFLOW, "too many times");
  CHECK_EQUAL(*count, UINT32_MAX);
  *count = 1;
  CHECK_EQUAL(give(lock), 0);
  CHECK_EQUAL(give(lock), 0);
  CHECK_EQUAL(give(lock), -EPERM);
}

int main(void) {
  for (int flags = 0; flags < 2; flags++) {
    Lock *mutex = shared_memory(sizeof *mutex);
    ipc_mutex_attr_t attr = { .flags = IPC_MUTEX_RECURSIVE | (flags ? IPC_MUTEX_PRIORITY_INHERIT : 0) };
    CHECK_EQUAL(ipc_mutex_init(&mutex->mutex, &attr), 0);
    check(mutex, lock_mutex, unlock_mutex, sizeof mutex->mutex);
    CHECK_EQUAL(ipc_mutex_lock(&mutex->mutex, 0), 0);
    FINISH(start(is_held, mutex));
    CHECK_EQUAL(ipc_mutex_unlock(&mutex->mutex), 0);
  }
  Lock *rwlock = shared_memory(sizeof *rwlock);
  CHECK_EQUAL(ipc_rwlock_init(&rwlock->rwlock), 0);
  check(rwlock, lock_reader, unlock_reader, sizeof rwlock->rwlock);
  CHECK_EQUAL(ipc_rwlock_write_lock(&rwlock->rwlock, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&rwlock->rwlock), 0);
  return 0;
}
