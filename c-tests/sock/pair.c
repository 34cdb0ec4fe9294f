/* A pair of each type: bytes without boundaries, or messages with them. Each is read once, the flags are as requested,
 * and a type that has an end reports it. */
#include "sock.h"

static void exchange(int type) {
  int first, second;
  char buffer[16];
  CHECK_EQUAL(ipc_sock_pair(&first, &second, type, 0), 0);
  CHECK(is_close_on_exec(first) && is_close_on_exec(second));
  CHECK(!is_nonblocking(first) && !is_nonblocking(second));
  CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), -EAGAIN);

  CHECK_EQUAL(ipc_sock_send(first, "one", 3, 0), 3);
  CHECK_EQUAL(ipc_sock_send(first, "three", 5, 0), 5);
  if (type == IPC_SOCK_STREAM) {
    CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), 8);
    CHECK(memcmp(buffer, "onethree", 8) == 0);
  } else {
    CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), 3);
    CHECK(memcmp(buffer, "one", 3) == 0);
    CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), 5);
    CHECK(memcmp(buffer, "three", 5) == 0);
  }
  /* Bytes that were read are gone. */
  CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), -EAGAIN);

  CHECK_EQUAL(ipc_sock_send(second, "back", 4, 0), 4);
  CHECK_EQUAL(ipc_sock_recv(first, buffer, 2, 0), type == IPC_SOCK_STREAM ? 2 : -EMSGSIZE);

  if (type == IPC_SOCK_STREAM) CHECK_EQUAL(ipc_sock_send(first, "", 0, 0), 0);
  if (type == IPC_SOCK_SEQPACKET)
    CHECK_FAILS(ipc_sock_send(first, "", 0, 0), -EINVAL, "would take it for the end");
  if (type == IPC_SOCK_DATAGRAM) {
    CHECK_EQUAL(ipc_sock_send(first, "", 0, 0), 0);
    CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), 0);
    CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), -EAGAIN);
  }

  /* Data sent before the end arrives before the end. */
  CHECK_EQUAL(ipc_sock_recv(first, buffer, sizeof buffer, 0), type == IPC_SOCK_STREAM ? 2 : 4);
  CHECK_EQUAL(ipc_sock_send(first, "last", 4, 0), 4);
  close(first);
  CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, 0), 4);
  if (type != IPC_SOCK_DATAGRAM) {
    CHECK_EQUAL(ipc_sock_recv(second, buffer, sizeof buffer, IPC_FOREVER), 0);
    CHECK_FAILS(ipc_sock_send(second, "x", 1, IPC_FOREVER), -EPIPE, "the other end is closed");
  } else {
    CHECK_EQUAL(ipc_sock_send(second, "x", 1, IPC_FOREVER), -ECONNREFUSED);
  }
  close(second);
}

int main(void) {
  int before = open_descriptors();
  exchange(IPC_SOCK_STREAM);
  exchange(IPC_SOCK_DATAGRAM);
  exchange(IPC_SOCK_SEQPACKET);

  int first = 77, second = 77;
  CHECK_EQUAL(ipc_sock_pair(&first, &second, IPC_SOCK_STREAM, IPC_INHERIT | IPC_NONBLOCK), 0);
  CHECK(!is_close_on_exec(first) && !is_close_on_exec(second));
  CHECK(is_nonblocking(first) && is_nonblocking(second));
  close(first);
  close(second);

  first = second = 77;
  CHECK_FAILS(ipc_sock_pair(&first, &second, 0, 0), -EINVAL, "type 0");
  CHECK_FAILS(ipc_sock_pair(&first, &second, 4, 0), -EINVAL, "type 4");
  CHECK_FAILS(ipc_sock_pair(&first, &second, IPC_SOCK_STREAM, 1), -EINVAL, "flags 0x1");
  CHECK_EQUAL(ipc_sock_pair(&first, &second, IPC_SOCK_STREAM, IPC_SOCK_WAIT), -EINVAL);
  CHECK_FAILS(ipc_sock_pair(NULL, &second, IPC_SOCK_STREAM, 0), -EINVAL, "first is NULL");
  CHECK_FAILS(ipc_sock_pair(&first, NULL, IPC_SOCK_STREAM, 0), -EINVAL, "second is NULL");
  CHECK_EQUAL(first, 77);
  CHECK_EQUAL(second, 77);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
