/* A living endpoint is never taken over, whatever its type, even if a program without this library has bound it and
 * does not listen yet. A server that fails to take it does not change it. */
#include "sock.h"

static const int types[] = {IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM, IPC_SOCK_SEQPACKET};
static const int plain[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

int main(void) {
  const char *path = unique_path("sock");
  int before = open_descriptors();
  for (int type = 0; type < 3; type++) {
    int listener = ipc_sock_listen(path, types[type], 0, 0600);
    CHECK(listener >= 0);
    CHECK(is_close_on_exec(listener));
    ino_t inode = inode_of(path);
    for (int other = 0; other < 3; other++) {
      CHECK_FAILS(ipc_sock_listen(path, types[other], 0, 0600), -EADDRINUSE, "living socket");
      CHECK_EQUAL(inode_of(path), inode);
    }
    check_reachable(path, listener, types[type]);
    /* The failed attempts left no connection behind. */
    if (types[type] != IPC_SOCK_DATAGRAM) CHECK_EQUAL(ipc_sock_accept(listener, 0), -EAGAIN);
    CHECK_EQUAL(ipc_sock_unlink(path), 0);
    CHECK_EQUAL(ipc_sock_unlink(path), -ENOENT);
    close(listener);

    int foreign = bind_plainly(path, plain[type]);
    inode = inode_of(path);
    for (int other = 0; other < 3; other++)
      CHECK_EQUAL(ipc_sock_listen(path, types[other], 0, 0600), -EADDRINUSE);
    CHECK_EQUAL(inode_of(path), inode);
    close(foreign);
    CHECK(unlink(path) == 0);
  }

  /* A full backlog is no sign of death. */
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0 && listen(listener, 0) == 0);
  int client = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0);
  CHECK(client >= 0);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EADDRINUSE);
  close(client);
  close(listener);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
