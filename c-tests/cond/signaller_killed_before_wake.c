/* A signaller is killed after it has raised the sequence number and before it wakes the waiter. The waiter notices by
 * itself. */
#include "test.h"
#include <sys/ptrace.h>

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  int waiting;
} Shared;

static void waiter(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  shared->waiting = 1;
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void signaller(void *argument) {
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
  CHECK_EQUAL(ipc_cond_signal(&((Shared *)argument)->cond), 0);
}

int main(void) {
  SKIP_WITHOUT_STEPS();
  if (is_under_valgrind()) SKIP("valgrind's instructions are not the program's");
  Shared *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  pid_t waiting = start(waiter, shared);
  while (!*(volatile int *)&shared->waiting) sched_yield();
  wait_until_inside(waiting, SYS_futex);
  pid_t child = start(signaller, shared);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no process may be traced");
  /* The sequence number stands behind the tag. */
  volatile uint32_t *sequence = (uint32_t *)&shared->cond + 2;
  while (*sequence == 0) {
    CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status));
  }
  KILL(child);
  FINISH(waiting);
  return 0;
}
