/* oldkernel PROGRAM [ARGUMENT...]: runs a program as on Linux 5.4, the oldest kernel that the library supports.
 *
 * A seccomp filter refuses what Linux has got since 5.4, with the error that Linux 5.4 gives. It also refuses io_uring,
 * which many containers forbid. A program that passes here uses no newer call, or does without it. The filter sees the
 * numbers that a call gets, but not what a pointer leads to: it lets newer flags inside of structs pass.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE AUDIT_ARCH_AARCH64
#else
#error "oldkernel: only for x86-64 and aarch64: add the AUDIT_ARCH_ constant of this machine"
#endif

/* Linux 5.4 knows the calls up to clone3(). Newer ones have the same numbers on all machines. */
#define FIRST_NEW_CALL 436

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define LOAD_CALL LOAD(offsetof(struct seccomp_data, nr))
/* The lower half of an argument, on a machine with the lower half first. */
#define LOAD_ARGUMENT(n) LOAD((unsigned)(offsetof(struct seccomp_data, args) + sizeof(__u64) * (n)))
#define MASK(bits) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (bits))
#define UNLESS(test, value, skip) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), 0, (skip))
#define FAIL(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Each rule expects the number of the call to be loaded, and leaves it loaded if it does not refuse the call. */
#define REFUSE_CALL(call, error) UNLESS(BPF_JEQ, (call), 1), FAIL(error)
/* Refuses a call if argument n has one of the bits. */
#define REFUSE_BITS(call, n, bits, error) \
  UNLESS(BPF_JEQ, (call), 4), LOAD_ARGUMENT(n), UNLESS(BPF_JSET, (bits), 1), FAIL(error), LOAD_CALL
/* Refuses a call if argument n, of which only the bits of the mask count, is the value. */
#define REFUSE_VALUE(call, n, mask, value, error) \
  UNLESS(BPF_JEQ, (call), 5), LOAD_ARGUMENT(n), MASK(mask), UNLESS(BPF_JEQ, (value), 1), FAIL(error), LOAD_CALL
/* Refuses a call if argument n is at least first and, where that matters, no more than last. */
#define REFUSE_RANGE(call, n, first, last, error)                                                    \
  UNLESS(BPF_JEQ, (call), 5), LOAD_ARGUMENT(n), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (last), 2, 0), \
    UNLESS(BPF_JGE, (first), 1), FAIL(error), LOAD_CALL
/* Refuses an option of SOL_SOCKET that is newer than SO_DETACH_REUSEPORT_BPF (5.3). */
#define REFUSE_SOCKET_OPTION(call)                                                                 \
  UNLESS(BPF_JEQ, (call), 6), LOAD_ARGUMENT(1), UNLESS(BPF_JEQ, SOL_SOCKET, 3), LOAD_ARGUMENT(2), \
    UNLESS(BPF_JGE, 69, 1), FAIL(ENOPROTOOPT), LOAD_CALL

#define ANY 0xffffffffU

static struct sock_filter rules[] = {
  /* Calls of another machine's programs (32 bits) have other numbers. */
  LOAD(offsetof(struct seccomp_data, arch)),
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_MACHINE, 1, 0),
  ALLOW,
  LOAD_CALL,
  /* close_range, openat2, pidfd_getfd, faccessat2, epoll_pwait2, futex_waitv, fchmodat2, futex_wait and all others. */
  UNLESS(BPF_JGE, FIRST_NEW_CALL, 1),
  FAIL(ENOSYS),
  REFUSE_CALL(425, ENOSYS), /* io_uring_setup */
  REFUSE_CALL(426, ENOSYS), /* io_uring_enter */
  REFUSE_CALL(427, ENOSYS), /* io_uring_register */
  REFUSE_BITS(434, 1, ANY, EINVAL), /* pidfd_open: PIDFD_NONBLOCK (5.10), PIDFD_THREAD (6.9) */
  /* RWF_NOWAIT is known, but not for pipes (6.4) and sockets (6.5). All above RWF_APPEND is newer: RWF_NOSIGNAL is of
   * 6.18. */
  REFUSE_BITS(SYS_preadv2, 5, ~0x17U, EOPNOTSUPP),
  REFUSE_BITS(SYS_pwritev2, 5, ~0x17U, EOPNOTSUPP),
  REFUSE_VALUE(SYS_futex, 1, 0x7f, 13, ENOSYS), /* FUTEX_LOCK_PI2, 5.14 */
  REFUSE_BITS(SYS_memfd_create, 1, 0x18, EINVAL), /* MFD_NOEXEC_SEAL, MFD_EXEC: 6.3 */
  REFUSE_RANGE(SYS_fcntl, 1, 1027, 1029, EINVAL), /* F_DUPFD_QUERY (6.10), F_CREATED_QUERY (6.12) */
  REFUSE_BITS(SYS_linkat, 4, 0x1000, ENOENT), /* AT_EMPTY_PATH without CAP_DAC_READ_SEARCH: 6.10 */
  REFUSE_SOCKET_OPTION(SYS_getsockopt), /* SO_PEERPIDFD, 6.5 */
  REFUSE_SOCKET_OPTION(SYS_setsockopt), /* SO_PASSPIDFD, 6.5 */
  REFUSE_RANGE(SYS_madvise, 2, 22, 99, EINVAL), /* MADV_POPULATE_READ and all above: 5.14; MADV_HWPOISON is 100 */
  REFUSE_BITS(SYS_mremap, 3, 4, EINVAL), /* MREMAP_DONTUNMAP, 5.7 */
  REFUSE_VALUE(SYS_prctl, 0, ANY, 0x53564d41, EINVAL), /* PR_SET_VMA, 5.17 */
  REFUSE_BITS(SYS_getrandom, 2, 4, EINVAL), /* GRND_INSECURE, 5.6 */
  REFUSE_BITS(SYS_membarrier, 0, 0x180, EINVAL), /* PRIVATE_EXPEDITED_RSEQ, 5.10 */
  REFUSE_VALUE(SYS_ioctl, 1, 0xff00, 0xff00, ENOTTY), /* those of a pidfd: 6.11 */
  ALLOW,
};

int main(int argc, char **argv) {
  struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
  if (argc < 2) {
    fprintf(stderr, "usage: oldkernel PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  /* Root needs no PR_SET_NO_NEW_PRIVS, under which tests could not become other users by programs with set-user-ID. */
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0 &&
      (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)) {
    perror("oldkernel: seccomp");
    return 77;
  }
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}
