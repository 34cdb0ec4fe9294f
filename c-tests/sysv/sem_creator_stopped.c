/* A creator that is stopped between semget and semctl does not count as dead. Nobody gives its set values in its place,
 * and openers get an error after a while. If the creator is then killed, the next opener completes the set. */
#include "sysv.h"

static key_t key;
static const unsigned short one = 1;

static void stop(int number) {
  (void)number;
  raise(SIGSTOP);
}

/* The kernel sends SIGSYS instead of carrying out semctl with SETALL, so the process stops right after semget. */
static void creator(void *unused) {
  (void)unused;
  signal(SIGSYS, stop);
  act_on_setall(SECCOMP_RET_TRAP);
  ipc_sysv_sem_t *set;
  ipc_sysv_sem_open(&set, key, 1, &one, IPC_CREATE, 0600);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it does not bear a SIGSYS from a filter");
  key = unique_key("stopped");
  pid_t child = start(creator, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
  CHECK(WIFSTOPPED(status));

  ipc_sysv_sem_t *set = NULL;
  CHECK_FAILS(ipc_sysv_sem_open(&set, key, 1, &one, IPC_CREATE, 0600), -EAGAIN, "stopped");
  CHECK(set == NULL);
  /* The stopped creator does not hold up other processes. */
  CHECK_EQUAL(ipc_sysv_sem_open(&set, unique_key("free"), 1, &one, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  KILL(child);
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 1, &one, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 1);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  return 0;
}
