/* Waiting for a semaphore of libc: timeouts, -EINTR after any handler, killed waiters, and the largest and smallest
 * values. */
#include "asleep.h"
#include "mq.h"

static const char *name;

static void remove_name(void) {
  if (getpid() == test_pid) ipc_sem_unlink_posix(name);
}

typedef struct {
  int flags;
  int64_t timeout_ns;
} Case;

static void be_interrupted(void *argument) {
  Case *how = argument;
  handle_alarm(how->flags);
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_POSIX, 0), IPC_OPENED);
  errno = 33;
  CHECK_EQUAL(ipc_sem_wait(sem, how->timeout_ns), -EINTR);
  CHECK_EQUAL(errno, 33);
}

static void wait_one(void *unused) {
  (void)unused;
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_POSIX, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_wait(sem, PATIENCE), 0);
}

int main(void) {
  name = unique_name("waits");
  atexit(remove_name);
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_POSIX | IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);

  CHECK_EQUAL(ipc_sem_wait(sem, 0), -EAGAIN);
  int64_t begin = now_ns();
  CHECK_EQUAL(ipc_sem_wait(sem, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - begin >= 20 * MILLISECOND);
  CHECK_EQUAL(ipc_sem_wait(sem, 150 * MILLISECOND), -ETIMEDOUT); /* more than one round */
  CHECK_FAILS(ipc_sem_wait(sem, -2), -EINVAL, "timeout_ns is -2");

  const Case cases[] = {
    { 0, IPC_FOREVER },
    { 0, PATIENCE },
#ifdef __GLIBC__ /* musl's sem_timedwait() goes on after a handler with SA_RESTART */
    { SA_RESTART, IPC_FOREVER },
    { SA_RESTART, PATIENCE },
#endif
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    pid_t child = start(be_interrupted, (void *)&cases[i]);
    wait_until_inside(child, SYS_futex);
    CHECK_EQUAL(interrupt_until_ended(child, SIGALRM), 0);
  }

  for (int round = 0; round < 20; round++) {
    pid_t victim = start(wait_one, NULL), survivor = start(wait_one, NULL);
    wait_until_inside(victim, SYS_futex);
    wait_until_inside(survivor, SYS_futex);
    KILL(victim);
    CHECK_EQUAL(ipc_sem_post(sem), 0);
    FINISH(survivor);
    CHECK_EQUAL(ipc_sem_wait(sem, 0), -EAGAIN);
  }
  CHECK_EQUAL(ipc_sem_close(sem), 0);

  CHECK_EQUAL(ipc_sem_unlink_posix(name), 0);
  CHECK_FAILS(
    ipc_sem_open(&sem, name, IPC_SEM_VALUE_MAX + 1u, IPC_POSIX | IPC_CREATE, 0600), -EINVAL, "expected at most");
  CHECK_EQUAL(ipc_sem_open(&sem, name, IPC_SEM_VALUE_MAX, IPC_POSIX | IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_sem_post(sem), -EOVERFLOW, "cannot become larger");
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  return 0;
}
