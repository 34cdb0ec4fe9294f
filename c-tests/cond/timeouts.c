/* A wait that ends without a signal ends with the mutex held: after its timeout, after a try, and when it was refused. The
 * timeout does not limit the wait for the mutex. */
#include "asleep.h"

static struct Shared {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  int is_taken;
} *shared;

static void is_held(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), -EAGAIN);
}

static void check_held(void) {
  FINISH(start(is_held, NULL));
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
}

static void waits_shortly(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  shared->is_taken = 1;
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 1), -ETIMEDOUT);
  CHECK_EQUAL(shared->is_taken, 2); /* it came back when the other had unlocked */
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EAGAIN);
  check_held();
  for (int64_t timeout = 1; timeout < SECOND; timeout *= 500) {
    int64_t before = now_ns();
    CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, timeout), -ETIMEDOUT);
    CHECK(now_ns() - before >= timeout);
    check_held();
  }
  CHECK_EQUAL(ipc_cond_wait(NULL, &shared->mutex, 0), -EINVAL);
  check_held();
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, NULL, 0), -EINVAL);
  check_held();
  CHECK_EQUAL(ipc_cond_wait((ipc_cond_t *)(void *)&shared->mutex, &shared->mutex, 0), -EPROTO);
  check_held();
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, (ipc_mutex_t *)(void *)&shared->cond, 0), -EPROTO);
  check_held();
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);

  /* The child's timeout is long over when this process, which has taken the mutex meanwhile, unlocks it. */
  pid_t child = start(waits_shortly, NULL);
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield()) {
    int result = ipc_mutex_lock(&shared->mutex, 0);
    if (result == 0 && shared->is_taken) break;
    if (result == 0) CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
    /* It may have come back before this process got the mutex: then there is nothing to see. */
    if (state_of(child) == 'Z') break;
  }
  if (state_of(child) == 'Z') {
    (void)wait_for(child);
    return 0;
  }
  wait_until_on_futex(child);
  shared->is_taken = 2;
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  FINISH(child);
  return 0;
}
