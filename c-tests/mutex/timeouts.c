/* Timeout 0 tries, a short timeout expires, a timeout below -1 is refused, and the largest timeout is valid. */
#include "test.h"

static void locked_by_another(void *argument) {
  ipc_mutex_t *mutex = argument;
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 1), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 5 * MILLISECOND), -ETIMEDOUT);
  /* Longer than the time after which a sleeper checks the word by itself. */
  int64_t before = now_ns();
  CHECK_EQUAL(ipc_mutex_lock(mutex, 250 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - before >= 250 * MILLISECOND);
  CHECK_FAILS(ipc_mutex_lock(mutex, -2), -EINVAL, "timeout_ns is -2");
  CHECK_FAILS(ipc_mutex_lock(mutex, INT64_MIN), -EINVAL, "timeout_ns");
}

static void waits_long(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(argument, INT64_MAX), 0);
  CHECK_EQUAL(ipc_mutex_unlock(argument), 0);
}

static void check(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  /* The mutex is free, so every valid timeout succeeds. A malformed timeout is refused first. */
  static const int64_t timeouts[] = { 0, 1, PATIENCE, INT64_MAX, IPC_FOREVER };
  for (int i = 0; i < 5; i++) {
    CHECK_EQUAL(ipc_mutex_lock(mutex, timeouts[i]), 0);
    CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  }
  CHECK_FAILS(ipc_mutex_lock(mutex, -2), -EINVAL, "timeout_ns is -2");
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  FINISH(start(locked_by_another, mutex));
  pid_t child = start(waits_long, mutex);
  wait_until_inside(child, SYS_futex);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  FINISH(child);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
