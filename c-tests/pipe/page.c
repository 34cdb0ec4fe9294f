/* ipc_pipe(3), sentence by sentence. Other tests of this folder have deadlines, kinds of streams and old kernels. */
#include "page.h"

#include <fcntl.h>
#include <limits.h>

static void make(int *ends, int flags) { CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], flags), 0); }

static void drop(int *ends) {
  CHECK_EQUAL(close(ends[0]), 0);
  CHECK_EQUAL(close(ends[1]), 0);
}

int main(void) {
  int ends[2];
  char bytes[8192] = { 0 };
  make(ends, 0);
  CLAIM("Exec does not close the descriptors.");
  CHECK_EQUAL(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
  CLAIM("the kernel's default is 65536");
  int capacity = ipc_pipe_capacity(ends[0]);
  CHECK(capacity == 65536 || geteuid() != 0); /* a user's pipes may be too many */
  CLAIM("The kernel rounds it up to a power of two.");
  int set = ipc_pipe_set_capacity(ends[1], 5000);
  CHECK(set == 8192 || set == -EPERM);
  if (set > 0) {
    CHECK_EQUAL(ipc_pipe_capacity(ends[0]), 8192);
    CLAIM("the pipe now holds more bytes than the wanted capacity");
    CHECK_EQUAL(ipc_write_full(ends[1], bytes, 8192, 0), 8192);
    CHECK_EQUAL(ipc_pipe_set_capacity(ends[1], 4096), -EBUSY);
    CLAIM("Writing to a full pipe waits.");
    CHECK_EQUAL(ipc_write_full(ends[1], bytes, 1, 0), -EAGAIN);
    CHECK_EQUAL(ipc_write_full(ends[1], bytes, 1, MILLISECOND), -ETIMEDOUT);
    CHECK_EQUAL(ipc_read_full(ends[0], bytes, 8192, 0), 8192);
  }
  CLAIM("Reading from an empty pipe waits.");
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 1, 0), -EAGAIN);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 1, MILLISECOND), -ETIMEDOUT);
  CLAIM("The calls never change the descriptor's O_NONBLOCK");
  CHECK_EQUAL(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
  CLAIM("returns the number of bytes that this thread's last failed transfer had moved when it failed");
  CHECK_EQUAL(ipc_write_full(ends[1], "abc", 3, 0), 3);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 5, 0), -EAGAIN);
  CHECK_EQUAL(ipc_last_transferred(), 3);
  CLAIM("Bytes that were read are in the buffer and no longer in the descriptor.");
  CHECK(memcmp(bytes, "abc", 3) == 0);
  CHECK_EQUAL(ipc_write_full(ends[1], "de", 2, 0), 2);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes + 3, 2, 0), 2);
  CHECK(memcmp(bytes, "abcde", 5) == 0);
  CLAIM("Up to IPC_PIPE_ATOMIC (4096) bytes go into a pipe or FIFO in one piece.");
  CHECK_EQUAL(IPC_PIPE_ATOMIC, 4096);
  CHECK_EQUAL(IPC_PIPE_ATOMIC, PIPE_BUF);
  CLAIM("fd is not open, or not open for this direction. For the capacity: fd is not a pipe or FIFO.");
  CHECK_EQUAL(ipc_read_full(1000000, bytes, 1, 0), -EBADF);
  CHECK_EQUAL(ipc_read_full(ends[1], bytes, 1, 0), -EBADF);
  CHECK_EQUAL(ipc_write_full(ends[0], bytes, 1, 0), -EBADF);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_EQUAL(ipc_pipe_capacity(null), -EBADF);
  CHECK_EQUAL(close(null), 0);
  CLAIM("A pointer is NULL or misaligned, flags has an unknown bit, len is above SSIZE_MAX, timeout_ns is invalid, or bytes is 0 or above INT_MAX.");
  CHECK_EQUAL(ipc_pipe(NULL, &ends[1], 0), -EINVAL);
  int unused[2];
  CHECK_EQUAL(ipc_pipe(&unused[0], &unused[1], 1 << 25), -EINVAL);
  CHECK_EQUAL(ipc_read_full(ends[0], NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, (size_t)SSIZE_MAX + 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 1, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_pipe_set_capacity(ends[0], 0), -EINVAL);
  CHECK_EQUAL(ipc_pipe_set_capacity(ends[0], (size_t)INT_MAX + 1), -EINVAL);
  CLAIM("ipc_read_full(): fd is a directory.");
  int directory = open("/", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(ipc_read_full(directory, bytes, 1, 0), -EISDIR);
  CHECK_EQUAL(close(directory), 0);
  CLAIM("When the last writer has closed the pipe or died, reading gives the end of the file");
  CHECK_EQUAL(ipc_write_full(ends[1], "xy", 2, 0), 2);
  CHECK_EQUAL(close(ends[1]), 0);
  CLAIM("returns len, or fewer bytes if the file ended first. 0 means that the file had ended before.");
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 10, IPC_FOREVER), 2);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 10, IPC_FOREVER), 0);
  CHECK_EQUAL(close(ends[0]), 0);
  make(ends, IPC_INHERIT | IPC_NONBLOCK);
  CLAIM("read(2) and write(2) on the descriptors do not wait.");
  CHECK(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
  CHECK_EQUAL(fcntl(ends[0], F_GETFD), 0);
  CLAIM("The calls of this page follow their timeout.");
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 1, MILLISECOND), -ETIMEDOUT);
  drop(ends);
  make(ends, 0);
  CLAIM("When the last reader has closed the pipe or died, writing gives -EPIPE.");
  CHECK_EQUAL(close(ends[0]), 0);
  CLAIM("ipc_write_full() never raises SIGPIPE");
  CHECK_EQUAL(ipc_write_full(ends[1], "x", 1, 0), -EPIPE);
  CHECK_EQUAL(close(ends[1]), 0);
  return 0;
}
