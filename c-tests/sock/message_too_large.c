/* A message larger than the buffer stays in the socket, and the error text gives its size. A message larger than the
 * socket's limit is refused, and nothing of it is sent. */
#include "sock.h"

static void exchange(int type) {
  int first, second;
  char buffer[4096], expected[4096];
  CHECK_EQUAL(ipc_sock_pair(&first, &second, type, 0), 0);
  memset(expected, 'm', sizeof expected);
  CHECK_EQUAL(ipc_sock_send(first, expected, 3000, 0), 3000);
  CHECK_EQUAL(ipc_sock_send(first, "next", 4, 0), 4);

  memset(buffer, 0, sizeof buffer);
  for (int attempt = 0; attempt < 3; attempt++) {
    CHECK_FAILS(ipc_sock_recv(second, buffer, 2999, PATIENCE), -EMSGSIZE, "3000 bytes");
    CHECK_EQUAL(buffer[0], 0);
  }
  int fd = 77;
  size_t count = 77;
  CHECK_FAILS(
    ipc_sock_recv_fds(second, buffer, 1, &fd, 1, &count, 0), -EMSGSIZE, "has 3000 bytes, the buffer 1");
  CHECK_EQUAL(count, 77);
  CHECK_EQUAL(ipc_sock_recv(second, buffer, 3000, 0), 3000);
  CHECK(memcmp(buffer, expected, 3000) == 0);
  CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), 4);
  CHECK(memcmp(buffer, "next", 4) == 0);

  size_t huge = 64 << 20;
  char *message = calloc(1, huge);
  CHECK(message != NULL);
  CHECK_FAILS(ipc_sock_send(first, message, huge, IPC_FOREVER), -EMSGSIZE, "67108864 bytes");
  CHECK_FAILS(ipc_sock_send_fds(first, message, huge, &second, 1, PATIENCE), -EMSGSIZE, "SO_SNDBUF");
  free(message);
  CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), -EAGAIN);
  close(first);
  close(second);
}

int main(void) {
  exchange(IPC_SOCK_DATAGRAM);
  exchange(IPC_SOCK_SEQPACKET);
  return 0;
}
