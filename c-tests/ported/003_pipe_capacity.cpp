/* Ports test_pipe_capacity of document 003: one byte at a time is written until the pipe is full. The original then
 * blocks for ever. This program gives each write a tenth of a second, says that the write would have blocked, and
 * compares the count with the capacity that the kernel reports.
 *
 * By hand: ./003_pipe_capacity
 */
#include <robustipc.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

static void require(bool fulfilled, const char *what) {
  if (fulfilled) return;
  std::fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  std::exit(1);
}

static int test_pipe_capacity(int wfd) {
  const char c = 'x';
  int cnt = 0;
  for (;;) {
    ssize_t written = ipc_write_full(wfd, &c, 1, 100 * 1000 * 1000);
    if (written == -ETIMEDOUT) return cnt;
    require(written == 1, "write");
    std::printf("written=%d\n", ++cnt);
  }
}

int main() {
  int read_fd, write_fd;
  require(ipc_pipe(&read_fd, &write_fd, 0) == 0, "pipe");
  int written = test_pipe_capacity(write_fd);
  std::printf("the next write blocks\n");
  ssize_t capacity = ipc_pipe_capacity(write_fd);
  require(capacity > 0, "capacity");
  require(written == capacity, "the pipe was full before its capacity was reached");
  std::printf("that is the pipe's capacity\n");
  close(read_fd);
  close(write_fd);
}
