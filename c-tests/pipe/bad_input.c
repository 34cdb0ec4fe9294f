/* A bad descriptor, buffer, length or flag is refused with a clear error, and nothing is written to the outputs. */
#include "streams.h"

int main(void) {
  int ends[2] = {-7, -8};
  CHECK_FAILS(ipc_pipe(NULL, &ends[1], 0), -EINVAL, "read_fd is NULL");
  CHECK_FAILS(ipc_pipe(&ends[0], NULL, 0), -EINVAL, "write_fd is NULL");
  CHECK_FAILS(ipc_pipe(&ends[0], &ends[1], IPC_CREATE), -EINVAL, "0x1 has no meaning");
  CHECK(ends[0] == -7 && ends[1] == -8);

  /* The call makes both descriptors or none. With room for one it makes none. */
  int before = open_descriptors();
  struct rlimit limit, tight;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  int lowest = dup(0);
  close(lowest);
  tight = limit;
  tight.rlim_cur = (rlim_t)lowest + 1;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &tight), 0);
  CHECK_FAILS(ipc_pipe(&ends[0], &ends[1], 0), -EMFILE, "no pipe can be created");
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK(ends[0] == -7 && ends[1] == -8);
  CHECK_EQUAL(open_descriptors(), before);

  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(fcntl(ends[i], F_GETFD), FD_CLOEXEC);
    CHECK_EQUAL(fcntl(ends[i], F_GETFL) & O_NONBLOCK, 0);
  }
  int others[2];
  CHECK_EQUAL(ipc_pipe(&others[0], &others[1], IPC_NONBLOCK | IPC_INHERIT), 0);
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(fcntl(others[i], F_GETFD), 0);
    CHECK_EQUAL(fcntl(others[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(others[i]);
  }

  char buffer[4] = "abc";
  static const int64_t timeouts[] = {IPC_FOREVER, SECOND, 0};
  for (size_t t = 0; t < LENGTH(timeouts); t++) {
    int64_t timeout = timeouts[t];
    /* Closed, negative, too large, and the wrong end. */
    const int wrong[] = {others[0], -1, INT_MIN, INT_MAX};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
      CHECK_EQUAL(ipc_read_full(wrong[i], buffer, 4, timeout), -EBADF);
      CHECK_EQUAL(ipc_read_full(wrong[i], buffer, 0, timeout), -EBADF);
      CHECK_EQUAL(ipc_write_full(wrong[i], buffer, 4, timeout), -EBADF);
      CHECK_EQUAL(ipc_write_full(wrong[i], buffer, 0, timeout), -EBADF);
    }
    CHECK_EQUAL(ipc_read_full(ends[1], buffer, 4, timeout), -EBADF);
    CHECK_EQUAL(ipc_read_full(ends[1], buffer, 0, timeout), -EBADF);
    CHECK_EQUAL(ipc_write_full(ends[0], buffer, 4, timeout), -EBADF);
    CHECK_EQUAL(ipc_write_full(ends[0], buffer, 0, timeout), -EBADF);

    CHECK_EQUAL(ipc_read_full(ends[0], NULL, 0, timeout), 0);
    CHECK_EQUAL(ipc_write_full(ends[1], NULL, 0, timeout), 0);
    CHECK_FAILS(ipc_read_full(ends[0], NULL, 4, timeout), -EINVAL, "buf is NULL");
    CHECK_FAILS(ipc_write_full(ends[1], NULL, 4, timeout), -EINVAL, "buf is NULL");
    const size_t huge = (size_t)SSIZE_MAX + 1;
    CHECK_FAILS(ipc_read_full(ends[0], buffer, huge, timeout), -EINVAL, "over SSIZE_MAX");
    CHECK_FAILS(ipc_write_full(ends[1], buffer, SIZE_MAX, timeout), -EINVAL, "over SSIZE_MAX");
    /* Valgrind would report the call. */
    if (!is_under_valgrind()) CHECK_EQUAL(ipc_write_full(ends[1], (void *)16, 4, timeout), -EFAULT);
  }
  CHECK_FAILS(ipc_read_full(ends[0], buffer, 4, -2), -EINVAL, "timeout_ns is -2");
  CHECK_FAILS(ipc_write_full(ends[1], buffer, 4, INT64_MIN), -EINVAL, "timeout_ns");

  int directory = open("/", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(ipc_read_full(directory, buffer, 4, SECOND), -EISDIR);
  CHECK_EQUAL(ipc_read_full(directory, buffer, 4, IPC_FOREVER), -EISDIR);
  close(directory);

  /* None of these calls has touched the pipe or errno. */
  errno = 33;
  CHECK_EQUAL(ipc_read_full(ends[0], buffer, 1, 0), -EAGAIN);
  CHECK_EQUAL(errno, 33);
  return 0;
}
