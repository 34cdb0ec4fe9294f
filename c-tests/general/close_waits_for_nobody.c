/* Closing a handle does not wait for a call that another thread makes with it. That call goes on: what it waits for is
 * delivered to it. The handle is invalid at once. */
#include "test.h"

#include <pthread.h>

static ipc_mq_t *mq;
static ipc_sem_t *sem;
static ipc_child_t *child;
static _Atomic pid_t waiter;

static void *receive(void *unused) {
  (void)unused;
  static char buffer[64];
  waiter = gettid();
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE), 4);
  CHECK(memcmp(buffer, "text", 4) == 0);
  return NULL;
}

static void *take(void *unused) {
  (void)unused;
  waiter = gettid();
  CHECK_EQUAL(ipc_sem_wait(sem, PATIENCE), 0);
  return NULL;
}

static void *wait_for_child(void *unused) {
  (void)unused;
  ipc_child_exit_t how;
  waiter = gettid();
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.signal, SIGKILL);
  return NULL;
}

static pthread_t start_waiting(void *(*wait)(void *)) {
  pthread_t thread;
  waiter = 0;
  CHECK_EQUAL(pthread_create(&thread, NULL, wait, NULL), 0);
  while (waiter == 0) sched_yield();
  wait_until_asleep(waiter);
  return thread;
}

int main(void) {
  const char *name = unique_name("close");
  const ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 64 };
  for (int i = 0; i < 2; i++) {
    int kernel = i == 0 ? 0 : IPC_KERNEL;
    ipc_mq_t *other;
    CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE | kernel, 0600), IPC_CREATED);
    CHECK_EQUAL(ipc_mq_open(&other, name, NULL, kernel, 0), IPC_OPENED);
    CHECK_EQUAL(ipc_mq_unlink(name, kernel), 0);
    pthread_t thread = start_waiting(receive);
    CHECK_EQUAL(ipc_mq_close(mq), 0);
    CHECK_EQUAL(ipc_mq_send(mq, "text", 4, 0, 0), -EBADF);
    CHECK_EQUAL(ipc_mq_send(other, "text", 4, 0, 0), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(ipc_mq_close(other), 0);
  }

  ipc_sem_t *other;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_CREATE | IPC_POSIX, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&other, name, 0, IPC_POSIX, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), 0);
  pthread_t thread = start_waiting(take);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(ipc_sem_post(other), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CHECK_EQUAL(ipc_sem_close(other), 0);

  const char *const argv[] = { "sleep", "100", NULL };
  CHECK_EQUAL(ipc_spawn(&child, argv, 0), 0);
  pid_t pid = ipc_child_pid(child);
  thread = start_waiting(wait_for_child);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(kill(pid, SIGKILL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  return 0;
}
