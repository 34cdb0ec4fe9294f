/* Messages above 8 KiB, if the administrator allows them. Two threads wait with such messages on one handle without
 * hindering each other, and a child forked meanwhile can use the handle. */
#include "namespace.h"
#include "sysv.h"

#include <pthread.h>
#include <sched.h>

enum { LARGE = 100000 };
static ipc_sysv_msg_t *queue;
static char pattern[LARGE];
static pid_t waiter_tid[2];

static void *wait_for_type(void *which) {
  long type = 10 + *(int *)which;
  char *buf = malloc(LARGE);
  __atomic_store_n(&waiter_tid[type - 10], (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
  CHECK_EQUAL(
    ipc_sysv_msg_receive(queue, NULL, buf, LARGE, IPC_MSG_TYPE, type, IPC_FOREVER), LARGE);
  CHECK(memcmp(buf, pattern, LARGE) == 0);
  free(buf);
  return NULL;
}

static void *send_when_full(void *unused) {
  (void)unused;
  __atomic_store_n(&waiter_tid[0], (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 5, pattern, LARGE, IPC_FOREVER), 0);
  return NULL;
}

static void child(void *unused) {
  (void)unused;
  static char buf[LARGE];
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 3, pattern, LARGE, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, buf, LARGE, IPC_MSG_TYPE, 1, PATIENCE), LARGE);
  CHECK(memcmp(buf, pattern, LARGE) == 0);
}

static pid_t await_tid(int which) {
  pid_t tid;
  while ((tid = __atomic_load_n(&waiter_tid[which], __ATOMIC_SEQ_CST)) == 0) sched_yield();
  return tid;
}

int main(void) {
  /* The limits of an IPC namespace of this test. */
  if (enter_namespaces(CLONE_NEWIPC) != 0) SKIP("no permission for an IPC namespace of its own");
  const char *files[] = {"/proc/sys/kernel/msgmax", "/proc/sys/kernel/msgmnb"};
  for (int i = 0; i < 2; i++) {
    FILE *file = fopen(files[i], "w");
    if (file == NULL) SKIP("kernel.msgmax cannot be raised");
    fprintf(file, "%d", i == 0 ? 200000 : 250000);
    if (fclose(file) != 0) SKIP("kernel.msgmax cannot be raised");
  }
  for (int i = 0; i < LARGE; i++) pattern[i] = (char)(i * 13 + i / 1000);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));

  static char buf[LARGE];
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, pattern, LARGE, 0), 0);
  CHECK_FAILS(
    ipc_sysv_msg_receive(queue, NULL, buf, LARGE - 1, IPC_MSG_ANY, 0, 0), -EMSGSIZE, "has 100000 bytes");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, buf, LARGE, IPC_MSG_ANY, 0, 0), LARGE);
  CHECK(memcmp(buf, pattern, LARGE) == 0);

  pthread_t threads[2];
  int numbers[] = {0, 1};
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, wait_for_type, &numbers[i]);
  for (int i = 0; i < 2; i++) wait_until_inside(await_tid(i), SYS_msgrcv);
  for (int i = 1; i >= 0; i--) {
    CHECK_EQUAL(ipc_sysv_msg_send(queue, 10 + i, pattern, LARGE, PATIENCE), 0);
    pthread_join(threads[i], NULL);
  }

  /* A sender waits with the handle's buffer, and a child is forked. */
  waiter_tid[0] = 0;
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, pattern, LARGE, 0), 0);
  pthread_create(&threads[0], NULL, send_when_full, NULL);
  wait_until_inside(await_tid(0), SYS_msgsnd);
  FINISH(start(child, NULL));
  pthread_join(threads[0], NULL);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, buf, LARGE, IPC_MSG_TYPE, 5, 0), LARGE);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  return 0;
}
