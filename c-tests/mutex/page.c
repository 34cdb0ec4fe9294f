/* ipc_mutex(3), sentence by sentence. */
#include "page.h"

#include <pthread.h>

static struct {
  ipc_mutex_t plain, recursive, other;
} *shared;

static ipc_mutex_attr_t with_flags(unsigned flags) {
  ipc_mutex_attr_t attr = { 0 };
  attr.flags = flags;
  return attr;
}

static void init_plain(void *mutex) { CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0); }

static void lock_and_die(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  _exit(0);
}

static void repair_and_die(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  _exit(0);
}

static void hold(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  stop_here();
}

static void use_of_parent(void *mutex) {
  CLAIM("The child does not hold the lock, waits for it as other processes do, and cannot unlock it.");
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), -EPERM);
}

static void initialising(void) {
  CLAIM("It takes 64 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_mutex_t), 64);
  CHECK_EQUAL(_Alignof(ipc_mutex_t), 8);
  CLAIM("It cannot be combined with IPC_MUTEX_RECURSIVE");
  ipc_mutex_attr_t attr = with_flags(IPC_MUTEX_RECURSIVE | IPC_MUTEX_ERROR_CHECK);
  CHECK_EQUAL(ipc_mutex_init(&shared->other, &attr), -EINVAL);
  CLAIM("attr is misaligned, or has an unknown flag, flags that exclude each other or a reserved field that is not 0");
  attr = with_flags(1u << 20);
  CHECK_EQUAL(ipc_mutex_init(&shared->other, &attr), -EINVAL);
  CHECK_EQUAL(ipc_mutex_init(&shared->other, MISALIGNED(ipc_mutex_attr_t)), -EINVAL);
  memset(&attr, 0xff, sizeof attr);
  attr.flags = 0;
  CHECK_EQUAL(ipc_mutex_init(&shared->other, &attr), -EINVAL);
  CLAIM("The pointer is NULL or misaligned, the mutex is not initialised, or timeout_ns is invalid.");
  CHECK_EQUAL(ipc_mutex_init(NONE(ipc_mutex_t), NULL), -EINVAL);
  CHECK_EQUAL(ipc_mutex_lock(MISALIGNED(ipc_mutex_t), 0), -EINVAL);
  CHECK_EQUAL(ipc_mutex_lock(&shared->other, 0), -EINVAL);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->other), -EINVAL);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, INT64_MIN), -EINVAL);
  CLAIM("The memory holds something other than a mutex of this library's version and C library.");
  ipc_event_t event;
  memset(&event, 0, sizeof event);
  CHECK_EQUAL(ipc_event_init(&event, 0), 0);
  memcpy(&shared->other, &event, sizeof event);
  CHECK_EQUAL(ipc_mutex_lock(&shared->other, 0), -EPROTO);
  memset(&shared->other, 0, sizeof shared->other);
}

static void locking(void) {
  CLAIM("A second lock by the owner fails, and so does an unlock by another thread.");
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), -EDEADLK);
  FINISH(start(use_of_parent, &shared->plain));
  CLAIM("the mutex is locked, or its owner died holding it and no locker has been told");
  CHECK_EQUAL(ipc_mutex_destroy(&shared->plain), -EBUSY);
  CLAIM("the memory holds an initialised mutex that is locked or whose owner died holding it");
  CHECK_EQUAL(ipc_mutex_init(&shared->plain, NULL), -EBUSY);
  CLAIM("the last owner did not die");
  CHECK_EQUAL(ipc_mutex_consistent(&shared->plain), -EINVAL);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->plain), 0);
  CLAIM("this thread does not hold the mutex");
  CHECK_EQUAL(ipc_mutex_unlock(&shared->plain), -EPERM);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->plain), -EPERM);

  CLAIM("The owner may lock the mutex again. The mutex is free after as many unlocks as locks.");
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mutex_lock(&shared->recursive, 0), 0);
  for (int i = 0; i < 3; i++) {
    FINISH(start(use_of_parent, &shared->recursive));
    CHECK_EQUAL(ipc_mutex_unlock(&shared->recursive), 0);
  }
  CHECK_EQUAL(ipc_mutex_unlock(&shared->recursive), -EPERM);

  CLAIM("The owner is alive, though perhaps stopped");
  pid_t holder = start_stopped(hold, &shared->plain);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, MILLISECOND), -ETIMEDOUT);
  CLAIM("another thread holds the mutex, and timeout_ns is 0");
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), -EAGAIN);
  KILL(holder);
  CLAIM("The next locker gets IPC_OWNER_DIED and holds the lock.");
  CHECK_EQUAL(ipc_mutex_destroy(&shared->plain), -EBUSY);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), -EDEADLK);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->plain), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->plain), 0);
}

static void deaths(void) {
  CLAIM("If that thread dies during the repair, the next locker gets IPC_OWNER_DIED too.");
  FINISH(start(lock_and_die, &shared->plain));
  FINISH(start(repair_and_die, &shared->plain));
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), IPC_OWNER_DIED);
  CLAIM("an owner unlocked the mutex after IPC_OWNER_DIED without calling ipc_mutex_consistent(), which gives the data up for good");
  CHECK_EQUAL(ipc_mutex_unlock(&shared->plain), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), -ENOTRECOVERABLE);
}

static void *lock_in_thread(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  return NULL;
}

static void threads(void) {
  CLAIM("execve(2) and the end of the owning thread count as the owner's death");
  CLAIM("The owner of a lock is a thread, not its process.");
  CHECK_EQUAL(ipc_mutex_init(&shared->other, NULL), 0);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, lock_in_thread, &shared->other), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->other, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->other), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->other), 0);
  CHECK_EQUAL(ipc_mutex_destroy(&shared->other), 0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  init_plain(&shared->plain);
  ipc_mutex_attr_t attr = with_flags(IPC_MUTEX_RECURSIVE);
  CHECK_EQUAL(ipc_mutex_init(&shared->recursive, &attr), 0);
  initialising();
  locking();
  deaths();
  threads();
  CLAIM("The mutex lies in memory that was opened with IPC_READ_ONLY, and the call has to write to it.");
  ipc_mutex_t *read_only = read_only_copy(unique_name("page"), sizeof(ipc_mutex_t), init_plain);
  CHECK_EQUAL(ipc_mutex_lock(read_only, 0), -EACCES);
  CHECK_EQUAL(ipc_mutex_unlock(read_only), -EACCES);
  CHECK_EQUAL(ipc_mutex_destroy(read_only), -EACCES);
  return 0;
}
