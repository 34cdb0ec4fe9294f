/* Ports the message queue sender and receiver of document 000 ("Pipes & Shared Memory"): a sensor's reading
 * of 8 bytes, sent with priority 5 through a queue for 10 messages of 128 bytes.
 *
 * Without arguments it does both, as the tests run it. By hand, in two terminals, in either order of time,
 * because the queue keeps the message:
 *
 *   ./000_mq_sensor sender
 *   ./000_mq_sensor receiver
 *
 * Changed: the receiver's buffer has the queue's message size. The document's has the struct's, which
 * mq_receive refuses with EMSGSIZE.
 */
#include <robustipc.h>
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

static void sender(const char *name) {
  const ipc_mq_attr_t attr = { .max_messages = 10, .message_size = 128 };
  ipc_mq_t *mq;
  check(ipc_mq_open(&mq, name, &attr, IPC_KERNEL | IPC_CREATE | IPC_WRITE_ONLY, 0644), "open");
  SensorMsg msg = { .id = 1, .value = 23.5f };
  check(ipc_mq_send(mq, &msg, sizeof msg, 5, IPC_FOREVER), "send");
  check(ipc_mq_close(mq), "close");
}

static void receiver(const char *name) {
  ipc_mq_t *mq;
  check(ipc_mq_open(&mq, name, NULL, IPC_KERNEL | IPC_READ_ONLY, 0), "open");
  char buffer[128];
  unsigned priority;
  ssize_t length = ipc_mq_receive(mq, buffer, sizeof buffer, &priority, IPC_FOREVER);
  check(length, "receive");
  SensorMsg msg;
  if (length != sizeof msg) {
    fprintf(stderr, "receive: %zd bytes are not a SensorMsg\n", length);
    exit(EXIT_FAILURE);
  }
  memcpy(&msg, buffer, sizeof msg);
  printf("ID=%d Val=%.1f prio=%u\n", msg.id, msg.value, priority);
  check(ipc_mq_close(mq), "close");
  check(ipc_mq_unlink(name, IPC_KERNEL), "unlink");
}

int main(int argc, char **argv) {
  if (argc > 2 || (argc == 2 && strcmp(argv[1], "sender") != 0 && strcmp(argv[1], "receiver") != 0)) {
    fprintf(stderr, "usage: %s [sender|receiver]\n", argv[0]);
    return EXIT_FAILURE;
  }
  /* The tests run side by side, so their queue has a name of its own. */
  char name[64] = "/sensor_queue";
  if (argc == 1) snprintf(name, sizeof name, "/sensor_queue-%d", (int)getpid());
  if (argc == 1 || strcmp(argv[1], "sender") == 0) sender(name);
  if (argc == 1 || strcmp(argv[1], "receiver") == 0) receiver(name);
  return EXIT_SUCCESS;
}
