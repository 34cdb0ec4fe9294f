/* The message queue sender and receiver of document 000 ("Pipes & Shared Memory") as plain POSIX code: a sensor's
 * reading of 8 bytes, sent with priority 5 through a queue for 10 messages of 128 bytes.
 *
 * By hand, in two terminals, in either order of time, because the queue keeps the message:
 *
 *   ./000_mq_sensor sender [NAME]
 *   ./000_mq_sensor receiver [NAME]
 *
 * Changed: errors are checked. The receiver's buffer has the queue's message size (the document's has the struct's
 * size, which mq_receive refuses with EMSGSIZE). If the receiver comes first, it creates the queue.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int id;
  float value;
} SensorMsg;

static void check(long result, const char *what) {
  if (result != -1) return;
  perror(what);
  exit(EXIT_FAILURE);
}

static void sender(const char *name, struct mq_attr *attr) {
  mqd_t mq = mq_open(name, O_CREAT | O_WRONLY, 0644, attr);
  check(mq, "mq_open");
  SensorMsg msg = { .id = 1, .value = 23.5f };
  check(mq_send(mq, (char *)&msg, sizeof msg, 5), "mq_send");
  check(mq_close(mq), "mq_close");
}

static void receiver(const char *name, struct mq_attr *attr) {
  mqd_t mq = mq_open(name, O_CREAT | O_RDONLY, 0644, attr);
  check(mq, "mq_open");
  char buffer[128];
  unsigned prio;
  ssize_t n = mq_receive(mq, buffer, sizeof buffer, &prio);
  check(n, "mq_receive");
  SensorMsg msg;
  if (n != sizeof msg) {
    fprintf(stderr, "mq_receive: %zd bytes are not a SensorMsg\n", n);
    exit(EXIT_FAILURE);
  }
  memcpy(&msg, buffer, sizeof msg);
  printf("ID=%d Val=%.1f prio=%u\n", msg.id, msg.value, prio);
  check(mq_close(mq), "mq_close");
  check(mq_unlink(name), "mq_unlink");
}

int main(int argc, char **argv) {
  struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 128 };
  const char *name = argc == 3 ? argv[2] : "/sensor_queue";
  if (argc > 1 && strcmp(argv[1], "sender") == 0) {
    sender(name, &attr);
  } else if (argc > 1 && strcmp(argv[1], "receiver") == 0) {
    receiver(name, &attr);
  } else {
    fprintf(stderr, "usage: %s sender|receiver [NAME]\n", argv[0]);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
