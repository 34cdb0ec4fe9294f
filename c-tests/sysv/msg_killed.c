/* Senders and receivers are killed at any moment. Every message is complete, none arrives twice, the order is kept, and
 * the queue works on. */
#include "sysv.h"

typedef struct {
  int round, number;
  char fill[500];
} Message;

static ipc_sysv_msg_t *queue;

static void sender(void *round) {
  Message message;
  message.round = *(int *)round;
  memset(message.fill, message.round, sizeof message.fill);
  for (message.number = 0;; message.number++)
    CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, &message, sizeof message, message.number % 2 ? PATIENCE : IPC_FOREVER), 0);
}

static void thief(void *unused) {
  (void)unused;
  Message message;
  for (;;)
    CHECK(ipc_sysv_msg_receive(queue, NULL, &message, sizeof message, IPC_MSG_ANY, 0, PATIENCE) == sizeof message);
}

int main(void) {
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  for (int round = 1; round <= 20; round++) {
    pid_t from = start(sender, &round), to = start(thief, NULL);
    Message message;
    int last = -1;
    for (int i = 0; i < 50 + round; i++) {
      CHECK_EQUAL(
        ipc_sysv_msg_receive(queue, NULL, &message, sizeof message, IPC_MSG_ANY, 0, PATIENCE),
        sizeof message);
      CHECK_EQUAL(message.round, round);
      CHECK(message.number > last);
      last = message.number;
      for (size_t k = 0; k < sizeof message.fill; k++) CHECK_EQUAL(message.fill[k], round);
      if (i == 25) KILL(to);
    }
    KILL(from);
    while (ipc_sysv_msg_receive(queue, NULL, &message, sizeof message, IPC_MSG_ANY, 0, 0) != -EAGAIN) {
      CHECK(message.number > last);
      last = message.number;
    }
  }
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, "x", 1, 0), 0);
  return 0;
}
