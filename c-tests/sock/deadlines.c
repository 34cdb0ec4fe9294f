/* A deadline limits every wait, even if the peer is stopped, whether or not the descriptor is in non-blocking mode.
 * That mode stays unchanged. */
#include "sock.h"

static int ends[2];

static void sleeper(void *unused) {
  (void)unused;
  raise(SIGSTOP);
  char buffer[1024];
  while (ipc_sock_recv(ends[1], buffer, sizeof buffer, IPC_FOREVER) != 4) {}
}

static void late_sender(void *unused) {
  (void)unused;
  raise(SIGSTOP);
  CHECK_EQUAL(ipc_sock_send(ends[1], "late", 4, IPC_FOREVER), 4);
}

static void hold(int type, int flags) {
  char buffer[1024] = {0};
  size_t count;
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, flags), 0);
  CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, sizeof buffer, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, sizeof buffer, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[0], buffer, sizeof buffer, NULL, 0, &count, 0), -EAGAIN);
  CHECK_EQUAL(
    ipc_sock_recv_fds(ends[0], buffer, sizeof buffer, NULL, 0, &count, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(is_nonblocking(ends[0]), (flags & IPC_NONBLOCK) != 0);

  /* The receiver is stopped: its socket fills, and the deadline ends the send. When the receiver continues, so does the
   * sender. */
  pid_t child = start(sleeper, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  ssize_t result;
  do result = ipc_sock_send(ends[0], buffer, sizeof buffer, 0);
  while (result > 0);
  CHECK_EQUAL(result, -EAGAIN);
  CHECK_EQUAL(ipc_sock_send(ends[0], buffer, sizeof buffer, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], buffer, 1, ends, 1, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK(kill(child, SIGCONT) == 0);
  CHECK(ipc_sock_send(ends[0], buffer, sizeof buffer, IPC_FOREVER) > 0);
  if (type == IPC_SOCK_STREAM) {
    KILL(child);
  } else {
    CHECK_EQUAL(ipc_sock_send(ends[0], "done", 4, PATIENCE), 4);
    FINISH(child);
  }
  CHECK_EQUAL(is_nonblocking(ends[0]), (flags & IPC_NONBLOCK) != 0);
  close(ends[0]);
  close(ends[1]);

  /* The sender is stopped. Then IPC_FOREVER waits on a non-blocking descriptor too. */
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, flags), 0);
  child = start(late_sender, NULL);
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, sizeof buffer, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK(kill(child, SIGCONT) == 0);
  CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, sizeof buffer, IPC_FOREVER), 4);
  FINISH(child);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  static const int types[] = {IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM, IPC_SOCK_SEQPACKET};
  for (int type = 0; type < 3; type++) {
    hold(types[type], 0);
    hold(types[type], IPC_NONBLOCK);
  }

  const char *path = unique_path("sock");
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(ipc_sock_accept(listener, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_accept(listener, 5 * MILLISECOND), -ETIMEDOUT);
  close(listener);
  CHECK(unlink(path) == 0);

  /* A listening socket of another program, in blocking mode: accept() alone would wait without limit. */
  listener = bind_plainly(path, SOCK_STREAM);
  CHECK(listen(listener, 1) == 0);
  CHECK_EQUAL(ipc_sock_accept(listener, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_accept(listener, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK(!is_nonblocking(listener));
  check_reachable(path, listener, IPC_SOCK_STREAM);
  return 0;
}
