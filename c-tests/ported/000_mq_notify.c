/* Ports the notification of document 000 ("Pipes & Shared Memory"): SIGUSR1 when a message arrives. The document shows
 * mq_notify() alone, which notifies once. Here one request notifies of every message, as three messages show. The
 * program that prints them is the document's receiver.
 *
 * By hand: ./000_mq_notify
 */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  int id;
  float value;
} SensorMsg;

static void check(long result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main(void) {
  char name[64];
  snprintf(name, sizeof name, "/sensor_queue-%d", (int)getpid());
  const ipc_mq_attr_t attr = { .max_messages = 10, .message_size = 128 };
  ipc_mq_t *mq;
  check(ipc_mq_open(&mq, name, &attr, IPC_KERNEL | IPC_CREATE | IPC_EXCLUSIVE, 0644), "open");
  check(ipc_mq_unlink(name, IPC_KERNEL), "unlink");

  /* Blocked, and waited for below: a handler could do little with a message. */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
    perror("sigprocmask");
    return EXIT_FAILURE;
  }
  const ipc_mq_notify_t how = { .kind = IPC_NOTIFY_SIGNAL, .signal = SIGUSR1 };
  check(ipc_mq_notify(mq, &how), "notify");

  for (int id = 1; id <= 3; id++) {
    SensorMsg msg = { .id = id, .value = 23.0f + 0.5f * (float)id };
    check(ipc_mq_send(mq, &msg, sizeof msg, 5, IPC_FOREVER), "send");
    int received = 0;
    while (received == 0) { /* the message of this signal may have been taken already */
      int signal;
      if (sigwait(&set, &signal) != 0) return EXIT_FAILURE;
      for (;;) {
        char buffer[128];
        unsigned priority;
        ssize_t length = ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0);
        if (length < 0) break; /* -EAGAIN: all are taken */
        memcpy(&msg, buffer, sizeof msg);
        printf("SIGUSR1: ID=%d Val=%.1f prio=%u\n", msg.id, msg.value, priority);
        received++;
      }
    }
  }
  check(ipc_mq_notify(mq, NULL), "notify");
  check(ipc_mq_close(mq), "close");
  return EXIT_SUCCESS;
}
