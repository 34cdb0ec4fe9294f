/* The library's memory of a descriptor's number never decides a result. A number that belonged to a stream and now
 * belongs to a message socket gives messages whole, and a message that is too large stays in the socket. */
#include "sock.h"

enum { NUMBER = 63 };

/* Returns the other end of the object that NUMBER refers to at that time. */
static int take_number(int type) {
  int first, second;
  CHECK_EQUAL(ipc_sock_pair(&first, &second, type, 0), 0);
  CHECK_EQUAL(dup2(second, NUMBER), NUMBER);
  close(second);
  return first;
}

static void bytes(void) {
  int other = take_number(IPC_SOCK_STREAM);
  char buffer[16];
  CHECK_EQUAL(ipc_sock_send(other, "abcdefgh", 8, 0), 8);
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, 2, 0), 2);
    CHECK_EQUAL(buffer[0], 'a' + 2 * i);
  }
  CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, 2, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_send(other, "ij", 2, 0), 2);
  CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, sizeof buffer, PATIENCE), 2);
  close(other);
  CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, sizeof buffer, PATIENCE), 0);
}

static void messages(int type) {
  int other = take_number(type);
  char buffer[16];
  CHECK_EQUAL(ipc_sock_send(other, "abcdefgh", 8, 0), 8);
  CHECK_EQUAL(ipc_sock_send(other, "ij", 2, 0), 2);
  CHECK_FAILS(ipc_sock_recv(NUMBER, buffer, 7, 0), -EMSGSIZE, "has 8 bytes, the buffer 7");
  CHECK_FAILS(ipc_sock_recv(NUMBER, buffer, 7, PATIENCE), -EMSGSIZE, "has 8 bytes, the buffer 7");
  CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, 8, 0), 8);
  CHECK(memcmp(buffer, "abcdefgh", 8) == 0);
  CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, 2, PATIENCE), 2);
  CHECK_EQUAL(ipc_sock_recv(NUMBER, buffer, sizeof buffer, 0), -EAGAIN);
  close(other);
}

int main(void) {
  for (int turn = 0; turn < 3; turn++) {
    bytes();
    messages(IPC_SOCK_SEQPACKET);
    messages(IPC_SOCK_DATAGRAM);
  }
  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  CHECK_EQUAL(dup2(ends[0], NUMBER), NUMBER);
  CHECK_EQUAL(ipc_write_full(ends[1], "x", 1, IPC_FOREVER), 1);
  char byte;
  CHECK_EQUAL(ipc_sock_recv(NUMBER, &byte, 1, 0), -ENOTSOCK);
  CHECK_EQUAL(ipc_sock_send(ends[1], "x", 1, 0), -ENOTSOCK);
  return 0;
}
