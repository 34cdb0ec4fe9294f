/* If a peer is killed in the middle of an exchange, its partner learns of it, and there is no SIGPIPE, whose default
 * would kill this process. */
#include "sock.h"

static int ends[2];
static const char *path;

static void receiver_that_stops(void *unused) {
  (void)unused;
  close(ends[0]);
  raise(SIGSTOP);
}

/* Sends until nothing fits any more, waits, and learns of the death. */
static void blocked_sender(void *expected) {
  close(ends[1]);
  static char bytes[4096];
  ssize_t result;
  do result = ipc_sock_send(ends[0], bytes, sizeof bytes, IPC_FOREVER);
  while (result > 0);
  CHECK(result == *(int *)expected || result == -ECONNRESET);
  CHECK_EQUAL(ipc_sock_send(ends[0], bytes, 1, IPC_FOREVER), *(int *)expected);
}

static void blocked_receiver(void *unused) {
  (void)unused;
  char byte;
  close(ends[1]);
  CHECK_EQUAL(ipc_sock_recv(ends[0], &byte, 1, IPC_FOREVER), 1);
  CHECK_EQUAL(ipc_sock_recv(ends[0], &byte, 1, IPC_FOREVER), 0);
}

static void sender_that_stops(void *unused) {
  (void)unused;
  close(ends[0]);
  CHECK_EQUAL(ipc_sock_send(ends[1], "x", 1, IPC_FOREVER), 1);
  raise(SIGSTOP);
}

static pid_t start_stopped(void (*body)(void *)) {
  pid_t child = start(body, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  return child;
}

static void killed(int type) {
  int expected = -EPIPE;
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, 0), 0);
  pid_t victim = start_stopped(receiver_that_stops);
  pid_t waiter = start(blocked_sender, &expected);
  close(ends[0]);
  close(ends[1]);
  wait_until_asleep(waiter);
  KILL(victim);
  FINISH(waiter);

  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, 0), 0);
  victim = start_stopped(sender_that_stops);
  waiter = start(blocked_receiver, NULL);
  close(ends[0]);
  close(ends[1]);
  wait_until_asleep(waiter);
  KILL(victim);
  FINISH(waiter);
}

static void datagram_receiver(void *unused) {
  (void)unused;
  CHECK(ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600) >= 0);
  raise(SIGSTOP);
}

static void datagram_sender(void *unused) {
  (void)unused;
  ssize_t result;
  int fd = ipc_sock_connect(path, IPC_SOCK_DATAGRAM, 0, 0);
  CHECK(fd >= 0);
  do result = ipc_sock_send(fd, "x", 1, IPC_FOREVER);
  while (result > 0);
  CHECK_EQUAL(result, -ECONNREFUSED);
}

int main(void) {
  killed(IPC_SOCK_STREAM);
  killed(IPC_SOCK_SEQPACKET);

  path = unique_path("sock");
  pid_t victim = start_stopped(datagram_receiver);
  pid_t waiter = start(datagram_sender, NULL);
  wait_until_asleep(waiter);
  KILL(victim);
  FINISH(waiter);

  /* The peer is killed with bytes of this process unread: the stream reports that they were lost. */
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_STREAM, 0), 0);
  CHECK_EQUAL(ipc_sock_send(ends[0], "unread", 6, 0), 6);
  close(ends[1]);
  char byte;
  CHECK_FAILS(ipc_sock_recv(ends[0], &byte, 1, IPC_FOREVER), -ECONNRESET, "the other end is closed");
  CHECK_EQUAL(ipc_sock_recv(ends[0], &byte, 1, IPC_FOREVER), 0);
  return 0;
}
