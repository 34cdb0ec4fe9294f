/* The peer of a connection is known: its process, user and group as the kernel noted them, and a pidfd that shows
 * when the process has ended. */
#include "sock.h"

static const char *path;

static void client(void *user) {
  if (*(int *)user != 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  int fd = ipc_sock_connect(path, IPC_SOCK_SEQPACKET, 0, PATIENCE);
  CHECK(fd >= 0);
  raise(SIGSTOP);
}

static void check_peer(int other_user) {
  int listener = ipc_sock_listen(path, IPC_SOCK_SEQPACKET, 0, 0666);
  CHECK(listener >= 0);
  pid_t child = start(client, &other_user);
  int connection = ipc_sock_accept(listener, PATIENCE);
  CHECK(connection >= 0);
  ipc_peer_t peer;
  CHECK_EQUAL(ipc_sock_peer(connection, &peer), 0);
  CHECK_EQUAL(peer.pid, child);
  CHECK_EQUAL(peer.uid, other_user ? 65534 : geteuid());
  CHECK_EQUAL(peer.gid, other_user ? 65534 : getegid());

  int pidfd = ipc_sock_peer_pidfd(connection);
  if (pidfd != -ENOTSUP) {
    CHECK(pidfd >= 0 && is_close_on_exec(pidfd));
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    CHECK_EQUAL(poll(&ended, 1, 0), 0);
    int status;
    CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
    KILL(child);
    CHECK_EQUAL(poll(&ended, 1, 0), 1);
    close(pidfd);
    /* Newer kernels keep the process id for a late pidfd. No kernel gives the pidfd of another process. */
    pidfd = ipc_sock_peer_pidfd(connection);
    CHECK(pidfd >= 0 || pidfd == -ESRCH);
    if (pidfd >= 0) close(pidfd);
  } else {
    KILL(child);
  }
  /* The recorded identity stays. */
  CHECK_EQUAL(ipc_sock_peer(connection, &peer), 0);
  CHECK_EQUAL(peer.pid, child);
  close(connection);
  CHECK_EQUAL(ipc_sock_unlink(path), 0);
  close(listener);
}

int main(void) {
  path = unique_path("sock");
  check_peer(0);
  if (geteuid() == 0) check_peer(1);

  ipc_peer_t peer = {77, 77, 77};
  int lonely = ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600);
  CHECK(lonely >= 0);
  CHECK_FAILS(ipc_sock_peer(lonely, &peer), -ENOTCONN, "knows no peer");
  int pidfd = ipc_sock_peer_pidfd(lonely);
  CHECK(pidfd == -ENOTCONN || pidfd == -ENOTSUP);
  CHECK_EQUAL(ipc_sock_peer(lonely, NULL), -EINVAL);
  CHECK_EQUAL(peer.pid, 77);

  int first, second;
  CHECK_EQUAL(ipc_sock_pair(&first, &second, IPC_SOCK_STREAM, 0), 0);
  CHECK_EQUAL(ipc_sock_peer(first, &peer), 0);
  CHECK_EQUAL(peer.pid, getpid());
  return 0;
}
