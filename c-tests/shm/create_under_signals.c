/* A large object is created although signals arrive faster than its memory can be reserved in one call. Kernels before
 * about 6.9 undo a reservation on every signal. A filter of system calls imitates such a kernel here. */
#include "test.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { LARGE = 16 << 20 };

/* From now on a call that reserves LARGE bytes or more is interrupted. */
static void interrupt_large_reservations(void) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, LARGE, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINTR),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) SKIP("no filters of system calls");
}

int main(void) {
  ipc_shm_t *shm;
  interrupt_large_reservations();
  CHECK_EQUAL(ipc_shm_open(&shm, unique_name("large"), LARGE + 1, IPC_CREATE, 0600), IPC_CREATED);
  memset(ipc_shm_data(shm), 1, LARGE + 1);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
