/* Signals every millisecond with a handler that asks for calls to be resumed: waits return -EINTR,
 * nothing is lost and nothing comes twice. */
#include "sock.h"
#include <sys/time.h>

enum { MESSAGES = 3000, BYTES = 4 << 20 };

static volatile sig_atomic_t handled;
static int ends[2];

static void handler(int signal) {
  (void)signal;
  handled++;
}

static void start_storm(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  struct itimerval every = {{0, 1000}, {0, 1000}};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
}

static void send_messages(void *unused) {
  (void)unused;
  start_storm();
  for (uint32_t number = 0; number < MESSAGES; number++) {
    uint32_t message[256] = {number, ~number};
    size_t length = sizeof message / (1 + number % 4);
    ssize_t sent;
    do sent = ipc_sock_send(ends[0], message, length, IPC_FOREVER);
    while (sent == -EINTR);
    CHECK_EQUAL(sent, length);
    /* Let the other side run dry now and then. */
    if (number % 500 == 0) {
      int before = handled;
      while (handled < before + 3) sched_yield();
    }
  }
}

static void send_bytes(void *unused) {
  (void)unused;
  start_storm();
  unsigned char block[5000];
  for (size_t done = 0; done < BYTES;) {
    size_t length = BYTES - done < sizeof block ? BYTES - done : sizeof block;
    for (size_t i = 0; i < length; i++) block[i] = (unsigned char)((done + i) * 7 / 3);
    ssize_t sent = ipc_sock_send(ends[0], block, length, PATIENCE);
    CHECK(sent > 0 || sent == -EINTR);
    if (sent > 0) done += (size_t)sent;
  }
  close(ends[0]);
}

int main(void) {
  start_storm();
  int interrupted = 0;
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_SEQPACKET, 0), 0);
  pid_t child = start(send_messages, NULL);
  for (uint32_t number = 0; number < MESSAGES; number++) {
    uint32_t message[256];
    ssize_t received;
    while ((received = ipc_sock_recv(ends[1], message, sizeof message, IPC_FOREVER)) == -EINTR)
      interrupted++;
    CHECK_EQUAL(received, sizeof message / (1 + number % 4));
    CHECK_EQUAL(message[0], number);
    CHECK_EQUAL(message[1], ~number);
  }
  FINISH(child);
  CHECK(interrupted > 0);
  close(ends[0]);
  close(ends[1]);

  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_STREAM, 0), 0);
  child = start(send_bytes, NULL);
  close(ends[0]);
  size_t done = 0;
  for (ssize_t received = 1; received != 0;) {
    unsigned char block[7000];
    received = ipc_sock_recv(ends[1], block, sizeof block, PATIENCE);
    CHECK(received >= 0 || received == -EINTR);
    for (ssize_t i = 0; i < received; i++, done++)
      CHECK_EQUAL(block[i], (unsigned char)(done * 7 / 3));
    if (received < 0) received = 1;
  }
  CHECK_EQUAL(done, BYTES);
  FINISH(child);

  /* Waiting for a connection and for a server is interrupted too. */
  const char *path = unique_path("sock");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, IPC_FOREVER), -EINTR);
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(ipc_sock_accept(listener, IPC_FOREVER), -EINTR);
  return 0;
}
