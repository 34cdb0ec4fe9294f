/* A bound datagram socket: messages of several senders arrive complete and once. A full queue makes a sender wait. A
 * sender connected to a receiver does not reach the receiver that replaced it. */
#include "sock.h"

enum { SENDERS = 3, MESSAGES = 200 };

static const char *path;

typedef struct {
  int sender, number;
  char text[100];
} Message;

static void sender(void *number) {
  int fd = ipc_sock_connect(path, IPC_SOCK_DATAGRAM, IPC_SOCK_WAIT, PATIENCE);
  CHECK(fd >= 0);
  for (int i = 0; i < MESSAGES; i++) {
    Message message = {.sender = *(int *)number, .number = i};
    size_t length = offsetof(Message, text) + (size_t)(i % 100);
    CHECK_EQUAL(ipc_sock_send(fd, &message, length, PATIENCE), length);
  }
}

int main(void) {
  path = unique_path("sock");
  pid_t children[SENDERS];
  for (int i = 0; i < SENDERS; i++) children[i] = start(sender, &i);
  int receiver = ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600);
  CHECK(receiver >= 0);
  CHECK(!is_nonblocking(receiver));
  int next[SENDERS] = {0};
  for (int i = 0; i < SENDERS * MESSAGES; i++) {
    Message message;
    ssize_t length = ipc_sock_recv(receiver, &message, sizeof message, PATIENCE);
    CHECK(length >= (ssize_t)offsetof(Message, text));
    CHECK(message.sender >= 0 && message.sender < SENDERS);
    CHECK_EQUAL(message.number, next[message.sender]++);
    CHECK_EQUAL(length, offsetof(Message, text) + (size_t)(message.number % 100));
  }
  for (int i = 0; i < SENDERS; i++) FINISH(children[i]);
  CHECK_EQUAL(ipc_sock_recv(receiver, next, sizeof next, 0), -EAGAIN);

  int fd = ipc_sock_connect(path, IPC_SOCK_DATAGRAM, 0, 0);
  CHECK(fd >= 0);
  ssize_t result;
  do result = ipc_sock_send(fd, "x", 1, 0);
  while (result == 1);
  CHECK_EQUAL(result, -EAGAIN);
  CHECK_EQUAL(ipc_sock_send(fd, "x", 1, 5 * MILLISECOND), -ETIMEDOUT);
  char byte;
  CHECK_EQUAL(ipc_sock_recv(receiver, &byte, 1, 0), 1);
  CHECK_EQUAL(ipc_sock_send(fd, "x", 1, PATIENCE), 1);

  close(receiver);
  CHECK_EQUAL(ipc_sock_send(fd, "x", 1, PATIENCE), -ECONNREFUSED);
  receiver = ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600);
  CHECK(receiver >= 0);
  CHECK(ipc_sock_send(fd, "x", 1, PATIENCE) < 0);
  int again = ipc_sock_connect(path, IPC_SOCK_DATAGRAM, 0, 0);
  CHECK(again >= 0);
  CHECK_EQUAL(ipc_sock_send(again, "x", 1, PATIENCE), 1);
  CHECK_EQUAL(ipc_sock_recv(receiver, &byte, 1, 0), 1);
  return 0;
}
