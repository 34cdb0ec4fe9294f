/* Closed, negative and wrong descriptors, lengths of zero and lengths that are far too large, and NULL are errors, and
 * the outputs stay unchanged. */
#include "sock.h"

static void refused(int fd, int expected) {
  char buffer[4] = "abc";
  size_t count = 77;
  ipc_peer_t peer;
  int passed = 0;
  CHECK_EQUAL(ipc_sock_send(fd, buffer, 1, PATIENCE), expected);
  CHECK_EQUAL(ipc_sock_send(fd, buffer, 0, PATIENCE), expected);
  CHECK_EQUAL(ipc_sock_recv(fd, buffer, 1, PATIENCE), expected);
  CHECK_EQUAL(ipc_sock_send_fds(fd, buffer, 1, &passed, 1, PATIENCE), expected);
  CHECK_EQUAL(ipc_sock_recv_fds(fd, buffer, 1, &passed, 1, &count, PATIENCE), expected);
  CHECK_EQUAL(ipc_sock_accept(fd, PATIENCE), expected);
  CHECK_EQUAL(ipc_sock_peer(fd, &peer), expected);
  CHECK_EQUAL(ipc_sock_peer_pidfd(fd), expected);
  CHECK_EQUAL(count, 77);
  CHECK_EQUAL(passed, 0);
  CHECK(strcmp(buffer, "abc") == 0);
}

int main(void) {
  char buffer[4] = "abc";
  int ends[2], pipes[2];
  refused(-1, -EBADF);
  refused(INT32_MIN, -EBADF);
  refused(INT32_MAX, -EBADF);
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_STREAM, 0), 0);
  close(ends[0]);
  refused(ends[0], -EBADF);
  close(ends[1]);
  CHECK(pipe(pipes) == 0);
  refused(pipes[0], -ENOTSOCK);
  refused(pipes[1], -ENOTSOCK);
  int file = open("/dev/null", O_RDWR);
  refused(file, -ENOTSOCK);
  int pointed = open("/tmp", O_PATH);
  refused(pointed, -EBADF);

  static const int types[] = {IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM, IPC_SOCK_SEQPACKET};
  for (int type = 0; type < 3; type++) {
    CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], types[type], 0), 0);
    CHECK_EQUAL(ipc_sock_send(ends[1], "x", 1, 0), 1);
    CHECK_FAILS(ipc_sock_recv(ends[0], buffer, 0, PATIENCE), -EINVAL, "no room");
    CHECK_FAILS(ipc_sock_recv(ends[0], NULL, 1, PATIENCE), -EINVAL, "NULL");
    CHECK_FAILS(ipc_sock_recv(ends[0], buffer, SIZE_MAX, PATIENCE), -EINVAL, "over SSIZE_MAX");
    CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, 1, -2), -EINVAL);
    CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, 1, INT64_MIN), -EINVAL);
    CHECK_FAILS(ipc_sock_send(ends[0], NULL, 1, PATIENCE), -EINVAL, "NULL");
    CHECK_EQUAL(ipc_sock_send(ends[0], buffer, SIZE_MAX, PATIENCE), -EINVAL);
    CHECK_EQUAL(ipc_sock_send(ends[0], buffer, 1, -2), -EINVAL);
    /* Valgrind would report the call. */
    if (!is_under_valgrind()) CHECK_EQUAL(ipc_sock_send(ends[0], (void *)8, 4, PATIENCE), -EFAULT);
    CHECK_FAILS(ipc_sock_accept(ends[0], PATIENCE), -EINVAL, "listens");
    CHECK_EQUAL(ipc_sock_accept(ends[0], -2), -EINVAL);
    /* None of these calls took the byte or sent one. */
    CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, 1, 0), 1);
    CHECK_EQUAL(buffer[0], 'x');
    CHECK_EQUAL(ipc_sock_recv(ends[1], buffer, 1, 0), -EAGAIN);
    close(ends[0]);
    close(ends[1]);
  }

  /* A listening socket, and one that was never connected. */
  const char *path = unique_path("sock");
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(ipc_sock_recv(listener, buffer, 1, PATIENCE), -ENOTCONN);
  CHECK_EQUAL(ipc_sock_send(listener, buffer, 1, PATIENCE), -ENOTCONN);
  return 0;
}
