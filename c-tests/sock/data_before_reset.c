/* Data that a peer sent before it closed is received first, although the peer had not received everything itself. */
#include "sock.h"

static void receive_after_close(int type, int with_descriptors, int messages) {
  int ends[2];
  char buffer[16];
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, 0), 0);
  CHECK_EQUAL(ipc_sock_send(ends[0], "unread", 6, 0), 6);
  for (int i = 0; i < messages; i++) CHECK_EQUAL(ipc_sock_send(ends[1], "answer", 6, 0), 6);
  CHECK_EQUAL(close(ends[1]), 0);

  size_t count;
  int end = 0;
  for (int i = 0; i <= messages; i++) {
    ssize_t length = with_descriptors
                       ? ipc_sock_recv_fds(ends[0], buffer, 6, NULL, 0, &count, PATIENCE)
                       : ipc_sock_recv(ends[0], buffer, 6, PATIENCE);
    if (i < messages) {
      CHECK_EQUAL(length, 6);
      CHECK(memcmp(buffer, "answer", 6) == 0);
    } else {
      end = (int)length;
    }
  }
  CHECK(end == 0 || end == -ECONNRESET);
  if (messages == 0) CHECK_EQUAL(end, -ECONNRESET);
  CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, sizeof buffer, PATIENCE), 0);
  CHECK_EQUAL(close(ends[0]), 0);
}

int main(void) {
  for (int with_descriptors = 0; with_descriptors < 2; with_descriptors++)
    for (int messages = 0; messages < 4; messages++) {
      receive_after_close(IPC_SOCK_SEQPACKET, with_descriptors, messages);
      receive_after_close(IPC_SOCK_STREAM, with_descriptors, messages);
    }

  /* A message that is too large for the buffer stays, also then. */
  int ends[2];
  char buffer[16];
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_SEQPACKET, 0), 0);
  CHECK_EQUAL(ipc_sock_send(ends[0], "unread", 6, 0), 6);
  CHECK_EQUAL(ipc_sock_send(ends[1], "answer", 6, 0), 6);
  CHECK_EQUAL(close(ends[1]), 0);
  CHECK_FAILS(ipc_sock_recv(ends[0], buffer, 3, 0), -EMSGSIZE, "6 bytes");
  CHECK_EQUAL(ipc_sock_recv(ends[0], buffer, 6, 0), 6);
  CHECK_EQUAL(close(ends[0]), 0);

  /* A stream that is not connected has no peer. */
  int lonely = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(lonely >= 0);
  size_t count;
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_sock_recv(lonely, buffer, 1, 0), -ENOTCONN);
    CHECK_EQUAL(ipc_sock_recv_fds(lonely, buffer, 1, NULL, 0, &count, 0), -ENOTCONN);
    CHECK_EQUAL(ipc_sock_send(lonely, buffer, 1, 0), -ENOTCONN);
  }
  CHECK_EQUAL(close(lonely), 0);

  /* On a stream, bytes that were sent before may come together with the descriptors of a later send. */
  int passed = -1;
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_STREAM, 0), 0);
  CHECK_EQUAL(ipc_sock_send(ends[0], "ab", 2, 0), 2);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "c", 1, &ends[0], 1, 0), 1);
  CHECK_EQUAL(ipc_sock_send(ends[0], "d", 1, 0), 1);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, &passed, 1, &count, 0), 3);
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(close(passed), 0);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, NULL, 0, &count, 0), 1);
  return 0;
}
