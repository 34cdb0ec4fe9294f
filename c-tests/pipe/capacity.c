/* A pipe's capacity can be read and set, and the pipe then holds that many bytes. If a limit prevents a setting, the
 * error names the limit. */
#include "streams.h"

static size_t fill(int fd) {
  static const char block[1024];
  size_t filled = 0;
  while (ipc_write_full(fd, block, sizeof block, 0) == (ssize_t)sizeof block) filled += sizeof block;
  return filled;
}

int main(void) {
  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  ssize_t first = ipc_pipe_capacity(ends[0]);
  CHECK_EQUAL(first, ipc_pipe_capacity(ends[1]));
  CHECK_EQUAL(fill(ends[1]), first);

  /* Less than the bytes in the pipe. */
  CHECK_FAILS(ipc_pipe_set_capacity(ends[1], 4096), -EBUSY, "less than the pipe holds");
  CHECK_EQUAL(ipc_pipe_capacity(ends[0]), first);
  CHECK_EQUAL(ipc_pipe_set_capacity(ends[1], (size_t)first + 1), 2 * first);
  CHECK_EQUAL(fill(ends[1]), first);
  CHECK_EQUAL(ipc_pipe_capacity(ends[0]), 2 * first);
  close(ends[0]);
  close(ends[1]);

  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  CHECK_EQUAL(ipc_pipe_set_capacity(ends[0], 1), sysconf(_SC_PAGESIZE));
  CHECK_EQUAL(ipc_pipe_capacity(ends[1]), sysconf(_SC_PAGESIZE));

  CHECK_FAILS(ipc_pipe_set_capacity(ends[0], 0), -EINVAL, "found 0");
  CHECK_FAILS(ipc_pipe_set_capacity(ends[0], SIZE_MAX), -EINVAL, "expected a capacity");
  CHECK_FAILS(ipc_pipe_capacity(-1), -EBADF, "not a pipe");
  CHECK_FAILS(ipc_pipe_capacity(INT_MAX), -EBADF, "not a pipe");
  int file = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_FAILS(ipc_pipe_capacity(file), -EBADF, "not a pipe");
  CHECK_FAILS(ipc_pipe_set_capacity(file, 4096), -EBADF, "not a pipe");
  close(file);

  /* With CAP_SYS_RESOURCE only the range of the number is a limit. */
  ssize_t result = ipc_pipe_set_capacity(ends[0], 1u << 30);
  if (result < 0) {
    CHECK_EQUAL(result, -EPERM);
    CHECK_LAST_ERROR("/proc/sys/fs/pipe-max-size");
  }
  return 0;
}
