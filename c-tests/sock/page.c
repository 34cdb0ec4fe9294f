/* ipc_sock(3), sentence by sentence. Other tests of this folder have races of servers, deaths and signals. */
#include "page.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char path[128];

static void check_peer(void *fd) {
  ipc_peer_t peer;
  CLAIM("as the kernel noted them at connect(2), listen(2) or socketpair(2)");
  CHECK_EQUAL(ipc_sock_peer(*(int *)fd, &peer), 0);
  CHECK_EQUAL(peer.pid, getppid());
  CHECK_EQUAL(peer.uid, geteuid());
}

static void pairs(void) {
  int a, b;
  char text[64];
  CLAIM("ipc_sock_pair() makes two connected sockets");
  CHECK_EQUAL(ipc_sock_pair(&a, &b, IPC_SOCK_SEQPACKET, 0), 0);
  CHECK_EQUAL(fcntl(a, F_GETFD), FD_CLOEXEC);
  FINISH(start(check_peer, &a));
  CLAIM("Each message is received whole, once and in order.");
  CHECK_EQUAL(ipc_sock_send(a, "first", 5, 0), 5);
  CHECK_EQUAL(ipc_sock_send(a, "second", 6, 0), 6);
  CLAIM("A message that is larger than capacity stays in the socket, and ipc_last_error(3) says its size.");
  CHECK_FAILS(ipc_sock_recv(b, text, 4, 0), -EMSGSIZE, "5");
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, 0), 5);
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, 0), 6);
  CLAIM("The operation is not possible now, and timeout_ns is 0.");
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, 0), -EAGAIN);
  CLAIM("The time has passed. The peer may be stopped or slow.");
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, MILLISECOND), -ETIMEDOUT);
  CLAIM("An empty message would look the same, so ipc_sock_send() sends none on IPC_SOCK_SEQPACKET.");
  CHECK_EQUAL(ipc_sock_send(a, "", 0, 0), -EINVAL);
  CLAIM("A capacity is 0");
  CHECK_EQUAL(ipc_sock_recv(b, text, 0, 0), -EINVAL);
  CLAIM("passes 1 to IPC_SOCK_FDS_MAX (253) descriptors with a message of at least one byte");
  CHECK_EQUAL(IPC_SOCK_FDS_MAX, 253);
  int sent[2] = { a, b }, received[2];
  size_t count = 0;
  CHECK_EQUAL(ipc_sock_send_fds(a, "x", 1, sent, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_send_fds(a, "", 0, sent, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_send_fds(a, "x", 1, sent, 2, 0), 1);
  CLAIM("The receiver gets descriptors of its own for the same open files, and exec closes them.");
  CHECK_EQUAL(ipc_sock_recv_fds(b, text, sizeof text, received, 2, &count, 0), 1);
  CHECK_EQUAL(count, 2);
  for (int i = 0; i < 2; i++) {
    CHECK(received[i] != a && received[i] != b);
    CHECK_EQUAL(fcntl(received[i], F_GETFD), FD_CLOEXEC);
    CHECK_EQUAL(close(received[i]), 0);
  }
  CLAIM("more descriptors came than fds_capacity, and were closed");
  int descriptors = open_descriptors();
  CHECK_EQUAL(ipc_sock_send_fds(a, "x", 1, sent, 2, 0), 1);
  CHECK_EQUAL(ipc_sock_recv_fds(b, text, sizeof text, received, 1, &count, 0), -ENOBUFS);
  CHECK_EQUAL(open_descriptors(), descriptors);
  CLAIM("The message is then taken.");
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, 0), -EAGAIN);
  CLAIM("The result 0 is the end of a connection.");
  CHECK_EQUAL(close(a), 0);
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, 0), 0);
  CLAIM("No call raises SIGPIPE.");
  CHECK_EQUAL(ipc_sock_send(b, "x", 1, 0), -EPIPE);
  CHECK_EQUAL(close(b), 0);

  CLAIM("One receive may return bytes that were sent earlier together with these, and then ends with that send.");
  CHECK_EQUAL(ipc_sock_pair(&a, &b, IPC_SOCK_STREAM, 0), 0);
  CHECK_EQUAL(ipc_sock_send(a, "early", 5, 0), 5);
  sent[0] = a;
  CHECK_EQUAL(ipc_sock_send_fds(a, "with", 4, sent, 1, 0), 4);
  CHECK_EQUAL(ipc_sock_send(a, "later", 5, 0), 5);
  ssize_t bytes = 0;
  for (count = 0; count == 0;) {
    ssize_t part = ipc_sock_recv_fds(b, text, sizeof text, received, 2, &count, 0);
    CHECK(part > 0);
    bytes += part;
  }
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(bytes, 9);
  CHECK_EQUAL(close(received[0]), 0);
  CHECK_EQUAL(ipc_sock_recv(b, text, sizeof text, 0), 5);
  CHECK_EQUAL(close(a), 0);
  CHECK_EQUAL(close(b), 0);
}

static void servers(void) {
  const char *directory = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/ripc-test-%d-sock", directory != NULL ? directory : "/tmp", (int)getpid());
  char text[64];
  CLAIM("The file or directory does not exist.");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_sock_unlink(path), -ENOENT);
  CLAIM("The file has exactly the permissions mode; the umask has no effect.");
  mode_t before = umask(0777);
  int listener = ipc_sock_listen(path, IPC_SOCK_SEQPACKET, 0, 0640);
  umask(before);
  CHECK(listener >= 3);
  struct stat status;
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CLAIM("A living socket is never displaced");
  CHECK_EQUAL(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EADDRINUSE);
  CLAIM("ipc_sock_connect(): the server's socket has another type.");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -EPROTOTYPE);
  CHECK_EQUAL(ipc_sock_accept(listener, 0), -EAGAIN);
  CLAIM("The server need not have accepted it.");
  int client = ipc_sock_connect(path, IPC_SOCK_SEQPACKET, 0, 0);
  CHECK(client >= 3);
  CHECK_EQUAL(ipc_sock_send(client, "early", 5, 0), 5);
  int server = ipc_sock_accept(listener, 0);
  CHECK(server >= 3);
  CHECK_EQUAL(ipc_sock_recv(server, text, sizeof text, 0), 5);
  CLAIM("the socket does not listen");
  CHECK_EQUAL(ipc_sock_accept(client, 0), -EINVAL);
  CLAIM("The result 0 is the end of a connection.");
  CHECK_EQUAL(close(client), 0);
  CHECK_EQUAL(ipc_sock_recv(server, text, sizeof text, 0), 0);
  CHECK_EQUAL(close(server), 0);
  CHECK_EQUAL(close(listener), 0);
  CLAIM("ipc_sock_connect(): no process listens at the path, or not yet.");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_SEQPACKET, 0, 0), -ECONNREFUSED);
  CLAIM("The file of a dead socket is replaced.");
  listener = ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600);
  CHECK(listener >= 3);
  CLAIM("removes a socket's file and nothing else");
  CHECK_EQUAL(ipc_sock_unlink(path), 0);
  CHECK_EQUAL(close(listener), 0);
  CLAIM("Anything that is not a socket is refused, a symbolic link included.");
  CHECK_EQUAL(symlink("/dev/null", path), 0);
  CHECK_EQUAL(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_sock_unlink(path), -EMEDIUMTYPE);
  CHECK_EQUAL(unlink(path), 0);
}

static void faults(void) {
  CLAIM("A path has 1 to 107 bytes. A longer path is an error, and is never cut off.");
  char longest[200];
  memset(longest, 'a', sizeof longest);
  longest[0] = '/', longest[108] = 0;
  CHECK_EQUAL(ipc_sock_listen(longest, IPC_SOCK_STREAM, 0, 0600), -ENAMETOOLONG);
  CHECK_EQUAL(ipc_sock_connect(longest, IPC_SOCK_STREAM, 0, 0), -ENAMETOOLONG);
  CLAIM("The path is empty, or an abstract name was to be unlinked.");
  CHECK_EQUAL(ipc_sock_listen("", IPC_SOCK_STREAM, 0, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sock_unlink("@abstract"), -EINVAL);
  CLAIM("The type is unknown, flags has an unknown bit, or mode has bits outside 0777.");
  int a, b;
  CHECK_EQUAL(ipc_sock_pair(&a, &b, 99, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_pair(&a, &b, IPC_SOCK_STREAM, 1 << 25), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen("/tmp/x", IPC_SOCK_STREAM, 0, 01000), -EINVAL);
  CLAIM("The descriptor is not open, or is not a socket.");
  char byte;
  CHECK_EQUAL(ipc_sock_recv(1000000, &byte, 1, 0), -EBADF);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_EQUAL(ipc_sock_recv(null, &byte, 1, 0), -ENOTSOCK);
  CHECK_EQUAL(close(null), 0);
  CLAIM("The socket is not connected, or the kernel does not know its peer.");
  int alone = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_EQUAL(ipc_sock_recv(alone, &byte, 1, 0), -ENOTCONN);
  ipc_peer_t peer;
  CHECK_EQUAL(ipc_sock_peer(alone, &peer), -ENOTCONN);
  CHECK_EQUAL(close(alone), 0);
}

int main(void) {
  pairs();
  servers();
  faults();
  return 0;
}
