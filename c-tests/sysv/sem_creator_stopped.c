/* A creator that is stopped between semget and semctl does not count as dead. Nobody gives its set values in its place,
 * and openers get an error after a while. If the creator is then killed, the next opener completes the set. */
#include "sysv.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static key_t key;
static const unsigned short one = 1;

static void stop(int number) {
  (void)number;
  raise(SIGSTOP);
}

/* The kernel sends SIGSYS instead of carrying out semctl with SETALL, so the process stops right after semget. */
static void creator(void *unused) {
  (void)unused;
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_semctl, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SETALL, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  signal(SIGSYS, stop);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) exit(77);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) exit(77);
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
