/* The file of a socket whose process was killed is replaced, whatever its type and whatever the process was doing. */
#include "sock.h"

static const char *path;

static void stop(void) {
  raise(SIGSTOP);
}

static void listening(void *type) {
  CHECK(ipc_sock_listen(path, *(int *)type, 0, 0600) >= 0);
  stop();
}

static void with_a_connection(void *type) {
  int listener = ipc_sock_listen(path, *(int *)type, 0, 0600);
  CHECK(listener >= 0);
  CHECK(ipc_sock_connect(path, *(int *)type, 0, 0) >= 0);
  if (*(int *)type != IPC_SOCK_DATAGRAM) {
    CHECK(ipc_sock_connect(path, *(int *)type, 0, 0) >= 0);
    CHECK(ipc_sock_accept(listener, 0) >= 0);
  }
  stop();
}

static void bound_only(void *type) {
  bind_plainly(path, *(int *)type == IPC_SOCK_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM);
  stop();
}

static void replaced_after(void (*life)(void *), int type) {
  pid_t child = start(life, &type);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  /* A stopped process is not dead. */
  CHECK_EQUAL(ipc_sock_listen(path, type, 0, 0640), -EADDRINUSE);
  KILL(child);

  CHECK_EQUAL(ipc_sock_connect(path, type, 0, 0), -ECONNREFUSED);
  int listener = ipc_sock_listen(path, type, 0, 0640);
  CHECK(listener >= 0);
  CHECK_EQUAL(mode_of(path), 0640);
  check_reachable(path, listener, type);
  close(listener);
  /* A closed socket is dead too. */
  listener = ipc_sock_listen(path, type, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(mode_of(path), 0600);
  CHECK_EQUAL(ipc_sock_unlink(path), 0);
  close(listener);
}

int main(void) {
  static const int types[] = {IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM, IPC_SOCK_SEQPACKET};
  path = unique_path("sock");
  int before = open_descriptors();
  for (int type = 0; type < 3; type++) {
    replaced_after(listening, types[type]);
    replaced_after(with_a_connection, types[type]);
    replaced_after(bound_only, types[type]);
  }
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
