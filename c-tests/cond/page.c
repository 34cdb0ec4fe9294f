/* ipc_cond(3), sentence by sentence. */
#include "page.h"

static struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond, other;
  _Atomic int woken;
} *shared;

static void init_cond(void *cond) { CHECK_EQUAL(ipc_cond_init(cond), 0); }

static void await(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE), 0);
  shared->woken++;
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void await_interrupted(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  CLAIM("returns -EINTR with the mutex held if a signal handler ran while it slept");
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE), -EINTR);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  _exit(0);
}

static void lock_now(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void lock_and_die(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  _exit(0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  init_cond(&shared->cond);
  ipc_mutex_t *mutex = &shared->mutex;
  CLAIM("It takes 32 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_cond_t), 32);
  CHECK_EQUAL(_Alignof(ipc_cond_t), 8);
  CLAIM("this thread does not hold the mutex, also not after the call");
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, mutex, 0), -EPERM);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), -EPERM);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CLAIM("timeout_ns is 0, and no signal came while the mutex was unlocked. The mutex is held.");
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EDEADLK);
  CLAIM("the time has passed. The mutex is held.");
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, mutex, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EDEADLK);
  CLAIM("A pointer is NULL or misaligned, an object is not initialised, timeout_ns is invalid");
  CHECK_EQUAL(ipc_cond_wait(NULL, mutex, 0), -EINVAL);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_cond_wait(&shared->other, mutex, 0), -EINVAL);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, mutex, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_cond_signal(MISALIGNED(ipc_cond_t)), -EINVAL);
  CLAIM("The mutex is held as before the call.");
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CLAIM("The memory holds something other than a condition variable of this library's version.");
  CHECK_EQUAL(ipc_event_init((ipc_event_t *)&shared->other, 0), 0);
  CHECK_EQUAL(ipc_cond_signal(&shared->other), -EPROTO);
  CHECK_EQUAL(ipc_cond_signal(read_only_copy(unique_name("page"), sizeof(ipc_cond_t), init_cond)), -EACCES);

  CLAIM("wakes at least one waiter, if there is one");
  CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
  pid_t waiters[3];
  for (int i = 0; i < 3; i++) waiters[i] = start_asleep(await, NULL);
  CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
  for (int64_t end = now_ns() + PATIENCE; shared->woken == 0; sched_yield()) CHECK(now_ns() < end);
  CLAIM("wakes all waiters");
  CHECK_EQUAL(ipc_cond_broadcast(&shared->cond), 0);
  for (int i = 0; i < 3; i++) FINISH(waiters[i]);
  CLAIM("unlocks mutex, which this thread holds, waits for a signal, and locks mutex again");
  waiters[0] = start_asleep(await, NULL);
  FINISH(start(lock_now, NULL));
  CHECK_EQUAL(ipc_cond_broadcast(&shared->cond), 0);
  FINISH(waiters[0]);
  handle_usr1(0);
  check_interrupted(await_interrupted);
  CLAIM("the mutex's last owner died and ipc_mutex_consistent(3) was not called");
  FINISH(start(lock_and_die, NULL));
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, mutex, 0), -EINVAL);
  return 0;
}
