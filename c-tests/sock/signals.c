/* In a storm of signals whose handler has SA_RESTART, waits return -EINTR. No message is lost, and no message arrives
 * twice. */
#include "sock.h"
#include "storm.h"

enum { MESSAGES = 3000, BYTES = 4 << 20 };

static int ends[2];
/* The storms that hit the parent and the child. */
static Storm *storm_above, *storm_below;

static void send_messages(void *unused) {
  (void)unused;
  enter_storm(storm_below, SA_RESTART);
  for (uint32_t number = 0; number < MESSAGES; number++) {
    uint32_t message[256] = {number, ~number};
    size_t length = sizeof message / (1 + number % 4);
    ssize_t sent;
    do sent = ipc_sock_send(ends[0], message, length, IPC_FOREVER);
    while (sent == -EINTR);
    CHECK_EQUAL(sent, length);
    storm_step();
    /* Now and then the parent has to wait for the next message, until signals have interrupted it. */
    if (number % 500 == 0) {
      long before = storm_above->handled;
      while (storm_above->handled < before + 3) sched_yield();
    }
  }
  leave_storm();
}

static void send_bytes(void *unused) {
  (void)unused;
  enter_storm(storm_below, SA_RESTART);
  unsigned char block[5000];
  for (size_t done = 0; done < BYTES;) {
    size_t length = BYTES - done < sizeof block ? BYTES - done : sizeof block;
    for (size_t i = 0; i < length; i++) block[i] = (unsigned char)((done + i) * 7 / 3);
    ssize_t sent = ipc_sock_send(ends[0], block, length, PATIENCE);
    CHECK(sent > 0 || sent == -EINTR);
    if (sent > 0) done += (size_t)sent;
    storm_step();
  }
  leave_storm();
}

int main(void) {
  pid_t above, below;
  storm_above = start_storm(&above, 20);
  enter_storm(storm_above, SA_RESTART);
  int interrupted = 0;
  storm_below = start_storm(&below, 20);
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
    storm_step();
  }
  FINISH(child);
  FINISH(below);
  CHECK(interrupted > 0);
  close(ends[0]);
  close(ends[1]);

  storm_below = start_storm(&below, 20);
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
    storm_step();
  }
  CHECK_EQUAL(done, BYTES);
  FINISH(child);
  FINISH(below);

  /* Waiting for a connection and for a server is interrupted too. */
  const char *path = unique_path("sock");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, IPC_FOREVER), -EINTR);
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(ipc_sock_accept(listener, IPC_FOREVER), -EINTR);
  leave_storm();
  FINISH(above);
  return 0;
}
