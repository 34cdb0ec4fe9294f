/* A thread in SCHED_DEADLINE never yields: it would give up the rest of its period, and oversleep its timeouts. The kernel
 * ends the thread at its first sched_yield. */
#include "queue.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

/* The kernel's struct sched_attr. */
typedef struct {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
} Schedule;

static const char *name;

static void forbid_yielding(void) {
  struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = { .len = sizeof program / sizeof program[0], .filter = program };
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void wait_in_deadline(void *unused) {
  (void)unused;
  Schedule schedule = { .size = sizeof schedule, .policy = 6, .runtime = 10 * MILLISECOND, .deadline = 30 * MILLISECOND,
    .period = 30 * MILLISECOND };
  if (syscall(SYS_sched_setattr, 0, &schedule, 0) != 0) SKIP("SCHED_DEADLINE is not permitted");
  ipc_mq_t *mq = NULL;
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = 8 };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  ipc_sem_t sem;
  ipc_event_t event;
  CHECK_EQUAL(ipc_sem_init(&sem, 0), 0);
  CHECK_EQUAL(ipc_event_init(&event, 0), 0);
  forbid_yielding();
  char byte[8];
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(ipc_mq_receive(mq, byte, sizeof byte, NULL, 2 * MILLISECOND), -ETIMEDOUT);
    CHECK_EQUAL(ipc_sem_wait(&sem, 2 * MILLISECOND), -ETIMEDOUT);
    CHECK_EQUAL(ipc_event_wait(&event, 2 * MILLISECOND), -ETIMEDOUT);
  }
  _exit(0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it yields by itself");
  name = unique_name("deadline");
  FINISH(start(wait_in_deadline, NULL));
  return 0;
}
