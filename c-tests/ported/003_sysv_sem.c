/* Ports the prose of document 003 on System V semaphores: a counter for mutual exclusion; P takes and V
 * gives, each indivisible. Two processes each add 100000 to a plain counter inside P and V; a third
 * is killed between P and V, and its permit comes back.
 *
 * By hand: ./003_sysv_sem
 */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 100000 };

static ipc_sysv_sem_t *set;

static int check(int result) {
  if (result < 0) {
    fprintf(stderr, "%s\n", ipc_last_error());
    exit(1);
  }
  return result;
}

static void change(short by) {
  ipc_sysv_sem_op_t op = {0, by, IPC_SYSV_UNDO};
  check(ipc_sysv_sem_op(set, &op, 1, IPC_FOREVER));
}

static void P(void) { change(-1); }
static void V(void) { change(1); }

int main(void) {
  unsigned short one = 1;
  check(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, &one, IPC_CREATE, 0600));
  ipc_sysv_shm_t *shm;
  check(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, sizeof(long), IPC_CREATE, 0600));
  /* The segment is removed already and stays until the last process detaches it, so no death leaves anything behind. */
  check(ipc_sysv_shm_remove(shm));
  volatile long *counter = ipc_sysv_shm_data(shm);

  pid_t children[3];
  for (int i = 0; i < 3; i++) {
    if ((children[i] = fork()) < 0) return 1;
    if (children[i] != 0) continue;
    if (i == 2) {
      P();
      raise(SIGKILL); /* inside the critical section */
    }
    for (int round = 0; round < ROUNDS; round++) {
      P();
      *counter = *counter + 1;
      V();
    }
    _exit(0);
  }
  int failed = 0;
  for (int i = 0; i < 3; i++) {
    int status;
    if (waitpid(children[i], &status, 0) != children[i]) return 1;
    failed += i < 2 ? status != 0 : !WIFSIGNALED(status);
  }
  printf("failed: %d\ncounter: %ld\nvalue: %d\n", failed, *counter, check(ipc_sysv_sem_value(set, 0)));
  check(ipc_sysv_sem_remove(set));
  check(ipc_sysv_sem_close(set));
  check(ipc_sysv_shm_close(shm));
  return 0;
}
