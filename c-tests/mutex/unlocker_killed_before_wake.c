/* An unlocker is killed after it has freed the lock and before it has woken the waiter, and a third process takes and
 * frees the lock in between. The kernel then finds the lock owned, so it passes no wake-up on, and the third process
 * knows of no waiter. The waiter still gets the lock. */
#include "test.h"
#include <sys/ptrace.h>

static void waiter(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void unlocker(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

int main(void) {
  SKIP_WITHOUT_STEPS();
  if (is_under_valgrind()) SKIP("valgrind's instructions are not the program's");
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);

  pid_t owner = start(unlocker, mutex);
  int status;
  CHECK_EQUAL(waitpid(owner, &status, 0), owner);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no process may be traced");
  CHECK(WIFSTOPPED(status));
  pid_t sleeper = start(waiter, mutex);
  wait_until_inside(sleeper, SYS_futex);

  /* Steps instruction by instruction until the lock is free. */
  for (;;) {
    CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, owner, NULL, NULL), 0);
    CHECK_EQUAL(waitpid(owner, &status, 0), owner);
    CHECK(WIFSTOPPED(status));
    if (ipc_mutex_lock(mutex, 0) == 0) break;
  }
  KILL(owner);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  FINISH(sleeper);
  return 0;
}
