/* An abstract name has no file, cannot be taken over, and ends with its process. */
#include "sock.h"

static char name[64];

static void listening(void *unused) {
  (void)unused;
  CHECK(ipc_sock_listen(name, IPC_SOCK_SEQPACKET, 0, 0) >= 0);
  raise(SIGSTOP);
}

int main(void) {
  snprintf(name, sizeof name, "@ripc-test-%d", (int)getpid());
  CHECK_EQUAL(ipc_sock_connect(name, IPC_SOCK_STREAM, 0, 0), -ECONNREFUSED);
  static const int types[] = {IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM, IPC_SOCK_SEQPACKET};
  for (int type = 0; type < 3; type++) {
    int listener = ipc_sock_listen(name, types[type], 0, 0);
    CHECK(listener >= 0);
    CHECK_EQUAL(access(name, F_OK), -1);
    CHECK_FAILS(ipc_sock_listen(name, types[type], 0, 0), -EADDRINUSE, "living socket");
    check_reachable(name, listener, types[type]);
    CHECK_FAILS(ipc_sock_unlink(name), -EINVAL, "has no file");
    close(listener);
  }

  pid_t child = start(listening, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  CHECK_EQUAL(ipc_sock_listen(name, IPC_SOCK_SEQPACKET, 0, 0), -EADDRINUSE);
  KILL(child);
  int listener = ipc_sock_listen(name, IPC_SOCK_SEQPACKET, 0, 0);
  CHECK(listener >= 0);
  check_reachable(name, listener, IPC_SOCK_SEQPACKET);

  /* The bytes are the address: a name that another program binds is the same name. */
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
  int client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
  return 0;
}
