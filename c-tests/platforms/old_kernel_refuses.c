/* Under oldkernel, each call and flag that Linux has got since 5.4 fails as there. Older ones work. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int wrong;

static void expect(const char *call, long result, int expected) {
  int found = result < 0 ? errno : 0;
  if (found == expected) return;
  fprintf(stderr, "%s: expected error %d, found %d\n", call, expected, found);
  wrong++;
}

#define EXPECT(call, expected) expect(#call, (errno = 0, (long)(call)), (expected))

int main(void) {
  int pipes[2], sockets[2], word = 0, value = 0;
  socklen_t length = sizeof value;
  if (pipe(pipes) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) return 1;
  struct iovec byte = {&word, 1};
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  EXPECT(syscall(425, 1, NULL), ENOSYS); /* io_uring_setup */
  EXPECT(syscall(436, 1000, 1000, 0), ENOSYS); /* close_range */
  EXPECT(syscall(437, AT_FDCWD, "/", NULL, 0), ENOSYS); /* openat2 */
  EXPECT(syscall(438, -1, 0, 0), ENOSYS); /* pidfd_getfd */
  EXPECT(syscall(439, AT_FDCWD, "/", R_OK, 0), ENOSYS); /* faccessat2 */
  EXPECT(syscall(441, -1, NULL, 0, NULL, NULL, 0), ENOSYS); /* epoll_pwait2 */
  EXPECT(syscall(449, NULL, 0, 0, NULL, 0), ENOSYS); /* futex_waitv */
  EXPECT(syscall(452, AT_FDCWD, "/nothing", 0, 0), ENOSYS); /* fchmodat2 */
  EXPECT(syscall(454, &word, 0, 0, 0), ENOSYS); /* futex_wake */
  EXPECT(syscall(434, getpid(), 0), 0); /* pidfd_open */
  EXPECT(syscall(434, getpid(), O_NONBLOCK), EINVAL);
  EXPECT(syscall(SYS_pwritev2, pipes[1], &byte, 1, -1L, -1L, 0x100), EOPNOTSUPP); /* RWF_NOSIGNAL */
  EXPECT(syscall(SYS_pwritev2, pipes[1], &byte, 1, -1L, -1L, 0x8), EOPNOTSUPP); /* RWF_NOWAIT */
  EXPECT(syscall(SYS_pwritev2, pipes[1], &byte, 1, -1L, -1L, 0), 0);
  EXPECT(syscall(SYS_preadv2, pipes[0], &byte, 1, -1L, -1L, 0x8), EOPNOTSUPP);
  EXPECT(syscall(SYS_preadv2, pipes[0], &byte, 1, -1L, -1L, 0), 0);
  EXPECT(syscall(SYS_futex, &word, 13, 0, NULL, NULL, 0), ENOSYS); /* FUTEX_LOCK_PI2 */
  EXPECT(syscall(SYS_futex, &word, 13 | 128, 0, NULL, NULL, 0), ENOSYS);
  EXPECT(syscall(SYS_futex, &word, 1, 1, NULL, NULL, 0), 0); /* FUTEX_WAKE */
  EXPECT(memfd_create("new", 8), EINVAL); /* MFD_NOEXEC_SEAL */
  EXPECT(memfd_create("old", MFD_CLOEXEC | MFD_ALLOW_SEALING), 0);
  EXPECT(fcntl(pipes[0], 1027, pipes[1]), EINVAL); /* F_DUPFD_QUERY */
  EXPECT(fcntl(pipes[0], F_DUPFD_CLOEXEC, 0), 0);
  EXPECT(fcntl(pipes[0], F_GETPIPE_SZ), 0);
  EXPECT(linkat(pipes[0], "", AT_FDCWD, "/nowhere/new", AT_EMPTY_PATH), ENOENT);
  EXPECT(getsockopt(sockets[0], SOL_SOCKET, 77, &value, &length), ENOPROTOOPT); /* SO_PEERPIDFD */
  EXPECT(getsockopt(sockets[0], SOL_SOCKET, SO_TYPE, &value, &length), 0);
  EXPECT(setsockopt(sockets[0], SOL_SOCKET, 76, &value, sizeof value), ENOPROTOOPT); /* SO_PASSPIDFD */
  EXPECT(madvise(page, 4096, 23), EINVAL); /* MADV_POPULATE_WRITE */
  EXPECT(madvise(page, 4096, MADV_DONTNEED), 0);
  EXPECT(prctl(0x53564d41, 0, page, 4096, "name"), EINVAL); /* PR_SET_VMA */
  EXPECT(prctl(PR_SET_NAME, "name"), 0);
  return wrong != 0;
}
