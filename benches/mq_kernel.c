/* ipc_mq with IPC_KERNEL compared with bare mq_send and mq_receive: the time that the library adds to the system calls.
 *
 * One thread sends a message and receives it. Short rounds alternate between the ways, so other load on the machine
 * hits all ways alike and most rounds not at all. For each size it prints the median of the rounds, in nanoseconds for
 * send and receive together, and the ratio bare / ipc_mq of the medians. A ratio of 1.00 is as fast; the target is
 * 0.97. "forever" waits without limit. "timed" has a timeout that is never reached: mq_timedsend and
 * mq_timedreceive.
 *
 *   mq_kernel [ROUNDS [MESSAGES]]
 */
#include <mqueue.h>
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAYS 4
#define TEN_SECONDS INT64_C(10000000000)

static const char *const way_names[WAYS] = { "mq_send/receive", "ipc_mq forever", "mq_timed*", "ipc_mq timed" };

static ipc_mq_t *queue;
static char message[8192], buffer[8192];
static volatile unsigned char sink;

static void expect(int is_well, const char *what) {
  if (is_well) return;
  fprintf(stderr, "mq_kernel: %s: %s\n", what, ipc_last_error());
  exit(1);
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Every program that uses the timed calls has to compute this deadline, which is a time of day. */
static struct timespec in_ten_seconds(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 10;
  return until;
}

static void exchange(int way, mqd_t bare, size_t size) {
  unsigned priority;
  ssize_t length = -1;
  struct timespec until;
  int sent = -1;
  memset(message, sink + 1, size);
  switch (way) {
    case 0:
      sent = mq_send(bare, message, size, 1);
      length = mq_receive(bare, buffer, sizeof buffer, &priority);
      break;
    case 1:
      sent = ipc_mq_send(queue, message, size, 1, IPC_FOREVER);
      length = ipc_mq_receive(queue, buffer, sizeof buffer, &priority, IPC_FOREVER);
      break;
    case 2:
      until = in_ten_seconds();
      sent = mq_timedsend(bare, message, size, 1, &until);
      until = in_ten_seconds();
      length = mq_timedreceive(bare, buffer, sizeof buffer, &priority, &until);
      break;
    default:
      sent = ipc_mq_send(queue, message, size, 1, TEN_SECONDS);
      length = ipc_mq_receive(queue, buffer, sizeof buffer, &priority, TEN_SECONDS);
  }
  expect(sent == 0 && length == (ssize_t)size, way_names[way]);
  sink = (unsigned char)(buffer[0] ^ buffer[size - 1] ^ message[0]);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 2001;
  int messages = argc > 2 ? atoi(argv[2]) : 50;
  if (rounds < 1 || messages < 1) {
    fprintf(stderr, "usage: mq_kernel [ROUNDS [MESSAGES]]\n");
    return 2;
  }
  double *times[WAYS];
  for (int way = 0; way < WAYS; way++) {
    times[way] = calloc((size_t)rounds, sizeof(double));
    expect(times[way] != NULL, "no memory");
  }
  char name[64];
  snprintf(name, sizeof name, "/ripc-bench-%d", (int)getpid());
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = sizeof message };
  expect(
    ipc_mq_open(&queue, name, &attr, IPC_KERNEL | IPC_CREATE | IPC_EXCLUSIVE, 0600) == IPC_CREATED,
    "open");
  mqd_t bare = mq_open(name, O_RDWR);
  ipc_mq_unlink(name, IPC_KERNEL);
  expect(bare != (mqd_t)-1, "mq_open");

  printf("kernel message queue, send + receive in one thread, medians of %d rounds of %d\n", rounds, messages);
  printf("%8s %12s %12s %7s %12s %12s %7s\n", "bytes", "bare ns", "forever ns", "ratio", "bare timed", "timed ns", "ratio");
  for (size_t size = 64; size <= sizeof message; size *= 2) {
    for (int round = -1; round < rounds; round++) { /* the first one warms up */
      for (int step = 0; step < WAYS; step++) {
        int way = (step + round + WAYS) % WAYS; /* each way comes first as often as last */
        double begin = now_ns();
        for (int i = 0; i < messages; i++) exchange(way, bare, size);
        if (round >= 0) times[way][round] = (now_ns() - begin) / messages;
      }
    }
    double medians[WAYS];
    for (int way = 0; way < WAYS; way++) {
      qsort(times[way], (size_t)rounds, sizeof(double), compare);
      medians[way] = times[way][rounds / 2];
    }
    printf(
      "%8zu %12.0f %12.0f %7.3f %12.0f %12.0f %7.3f\n", size, medians[0], medians[1],
      medians[0] / medians[1], medians[2], medians[3], medians[2] / medians[3]);
  }
  mq_close(bare);
  ipc_mq_close(queue);
  for (int way = 0; way < WAYS; way++) free(times[way]);
  return 0;
}
