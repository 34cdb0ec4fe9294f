/* The server's backlog is full. A client's deadline holds, room in the backlog lets the waiting client in, and the
 * server's death ends the wait. */
#include "asleep.h"
#include "sock.h"

static const char *path;

static void client(void *expected) {
  int fd = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, *(int64_t *)expected == 0 ? IPC_FOREVER : PATIENCE);
  if (*(int64_t *)expected < 0) {
    CHECK_EQUAL(fd, *(int64_t *)expected);
    return;
  }
  CHECK(fd >= 0 && !is_nonblocking(fd));
  /* The timeout for connecting does not limit later sends. */
  struct timeval timeout = {1, 1};
  socklen_t length = sizeof timeout;
  CHECK(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &length) == 0);
  CHECK(timeout.tv_sec == 0 && timeout.tv_usec == 0);
}

static void handler(int signal) {
  (void)signal;
}

static void interrupted(void *unused) {
  (void)unused;
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, IPC_FOREVER), -EINTR);
}

int main(void) {
  path = unique_path("sock");
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0 && listen(listener, 0) == 0);
  int first = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0);
  CHECK(first >= 0);
  int before = open_descriptors();
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -EAGAIN);
  CHECK_FAILS(
    ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 5 * MILLISECOND), -ETIMEDOUT, "backlog is full");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(open_descriptors(), before);

  /* A handler ends the wait, even one installed with SA_RESTART. */
  pid_t child = start(interrupted, NULL);
  wait_until_asleep(child);
  CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);

  for (int64_t forever = 0; forever < 2; forever++) {
    child = start(client, &forever);
    wait_until_asleep(child);
    int connection = ipc_sock_accept(listener, PATIENCE);
    CHECK(connection >= 0);
    FINISH(child);
    close(connection);
  }

  int64_t refused = -ECONNREFUSED;
  child = start(client, &refused);
  /* The child has the listening socket too. */
  wait_until_asleep(child);
  KILL(child);
  close(listener);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -ECONNREFUSED);
  return 0;
}
