/* A process is killed after single instructions of lock and unlock in turn, uncontended and with a waiter. The lock
 * is then free or reports that its owner died, and a waiter gets it. */
#include "test.h"
#include <sys/ptrace.h>

typedef struct {
  ipc_mutex_t mutex;
  int inside; /* changed in two steps while the lock is held */
  int done;
} Shared;

/* Makes the library do the work of a first call, so that every victim executes the same instructions. */
static void holder(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(&((Shared *)argument)->mutex, 0), 0);
  raise(SIGKILL);
}

static void victim(void *argument) {
  Shared *shared = argument;
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
  if (ipc_mutex_lock(&shared->mutex, IPC_FOREVER) != 0) _exit(1);
  shared->inside++;
  shared->inside++;
  if (ipc_mutex_unlock(&shared->mutex) != 0) _exit(1);
  shared->done = 1;
  raise(SIGKILL);
}

static void waiter(void *argument) {
  Shared *shared = argument;
  int result = ipc_mutex_lock(&shared->mutex, PATIENCE);
  if (result == IPC_OWNER_DIED) {
    shared->inside = 0;
    CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  } else {
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(shared->inside % 2, 0);
  }
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

/* Kills the victim after `steps` instructions. Returns false if the victim ended before. */
static int round_of(Shared *shared, long steps, int contended, int *died, int *clean) {
  int status;
  pid_t child = start(victim, shared), other = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no process may be traced");
  CHECK(WIFSTOPPED(status));
  shared->done = 0;
  for (long i = 0; i < steps && !shared->done; i++) {
    CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status));
    if (contended && other == 0 && shared->inside % 2 != 0) {
      /* The victim holds the lock, and from now on another process waits for it. */
      other = start(waiter, shared);
      wait_until_inside(other, SYS_futex);
    }
  }
  KILL(child);
  if (other != 0) FINISH(other);
  int result = ipc_mutex_lock(&shared->mutex, PATIENCE);
  if (result == IPC_OWNER_DIED) {
    shared->inside = 0;
    CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
    ++*died;
  } else {
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(shared->inside % 2, 0);
    ++*clean;
  }
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  return !shared->done;
}

static void check(int flags, int contended) {
  Shared *shared = shared_memory(sizeof *shared);
  ipc_mutex_attr_t attr = { .flags = flags };
  int died = 0, clean = 0;
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &attr), 0);
  wait_for(start(holder, shared));
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  /* To save time, the test tries every few instructions, and other ones in every run. */
  int stride = contended ? 29 : flags != 0 ? 11 : 5;
  for (long steps = getpid() % stride; round_of(shared, steps, contended, &died, &clean); steps += stride)
    CHECK(steps < 10000);
  printf("flags %d, contended %d: %d died, %d clean\n", flags, contended, died, clean);
  CHECK(clean > 0);
  if (!contended) CHECK(died > 3);
}

int main(void) {
  SKIP_UNDER_VALGRIND("the instructions would be its own");
  SKIP_UNDER_SANITIZERS("the instructions would be theirs");
  check(0, 0);
  check(0, 1);
  check(IPC_MUTEX_RECURSIVE, 0);
  check(IPC_MUTEX_PRIORITY_INHERIT, 0);
  check(IPC_MUTEX_PRIORITY_INHERIT, 1);
  return 0;
}
