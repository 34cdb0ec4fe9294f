/* The errors of whole transfers that come from what the descriptor leads to: a full device, a limit of the file's size, a
 * socket without its peer, a directory, the wrong direction. ipc_last_transferred() tells what was transferred before. */
#include "test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static char bytes[65536];

static void full_device(void) {
  int file = open("/dev/full", O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  CHECK_EQUAL(ipc_write_full(file, bytes, 100, SECOND), -ENOSPC);
  CHECK_EQUAL(ipc_last_transferred(), 0);
  CHECK_EQUAL(ipc_read_full(file, bytes, 100, SECOND), 100);
  close(file);
}

static void above_the_limit(void *unused) {
  (void)unused;
  FILE *file = tmpfile();
  CHECK(file != NULL);
  struct rlimit limit = { 1000, 1000 };
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  /* 1000 bytes fit. No SIGXFSZ ends this process. */
  CHECK_EQUAL(ipc_write_full(fileno(file), bytes, sizeof bytes, SECOND), -EFBIG);
  CHECK_EQUAL(ipc_last_transferred(), 1000);
}

static void sockets(void) {
  int alone = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(alone >= 0);
  CHECK_EQUAL(ipc_write_full(alone, bytes, 10, SECOND), -ENOTCONN);
  CHECK_EQUAL(ipc_last_transferred(), 0);
  CHECK_EQUAL(ipc_read_full(alone, bytes, 10, SECOND), -ENOTCONN);
  close(alone);

  /* A peer that closes with unread data resets the connection. */
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  CHECK_EQUAL(ipc_write_full(ends[0], bytes, 10, SECOND), 10);
  CHECK_EQUAL(ipc_write_full(ends[1], bytes, 4, SECOND), 4);
  close(ends[1]);
  CHECK_EQUAL(ipc_write_full(ends[0], bytes, 10, SECOND), -EPIPE);
  /* The bytes that the peer had sent come before that news. */
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 10, SECOND), -ECONNRESET);
  CHECK_EQUAL(ipc_last_transferred(), 4);
  close(ends[0]);
}

static void directions(void) {
  int ends[2], directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  CHECK_EQUAL(ipc_read_full(ends[1], bytes, 1, SECOND), -EBADF);
  CHECK_EQUAL(ipc_write_full(ends[0], bytes, 1, SECOND), -EBADF);
  CHECK_EQUAL(ipc_read_full(directory, bytes, 1, SECOND), -EISDIR);
  CHECK_EQUAL(ipc_write_full(directory, bytes, 1, SECOND), -EBADF);
  CHECK_EQUAL(ipc_pipe_set_capacity(directory, 4096), -EBADF);
  CHECK_EQUAL(ipc_read_full(-1, bytes, 1, SECOND), -EBADF);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, (size_t)-1, SECOND), -EINVAL);
  CHECK_EQUAL(ipc_write_full(ends[1], bytes, (size_t)-1, SECOND), -EINVAL);
  /* Nothing to transfer is a success at once. */
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 0, SECOND), 0);
  CHECK_EQUAL(ipc_write_full(ends[1], bytes, 0, SECOND), 0);
  close(directory);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  full_device();
  FINISH(start(above_the_limit, NULL));
  sockets();
  directions();
  return 0;
}
