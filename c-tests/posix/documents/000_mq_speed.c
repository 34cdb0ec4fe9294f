/* The message queue's row of document 000's comparison of speeds ("IPC Performance Comparison") as plain POSIX
 * code: a payload goes from one process to another, each byte written by the one and read by the other.
 *
 * By hand: ./000_mq_speed [MEGABYTES]; 64 are enough for a figure that means something.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 8192 };

static void check(long result, const char *what) {
  if (result != -1) return;
  perror(what);
  exit(EXIT_FAILURE);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  size_t chunks = (argc > 1 ? strtoul(argv[1], NULL, 10) : 4) * 1000000 / CHUNK;
  char name[64], chunk[CHUNK];
  snprintf(name, sizeof name, "/ripc-test-%d-speed", (int)getpid());
  struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = CHUNK };
  mqd_t mq = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
  check(mq, "mq_open");
  check(mq_unlink(name), "mq_unlink");

  double start = seconds();
  pid_t child = fork();
  check(child, "fork");
  if (child == 0) {
    for (size_t i = 0; i < chunks; i++) {
      memset(chunk, (int)i, sizeof chunk);
      check(mq_send(mq, chunk, sizeof chunk, 0), "mq_send");
    }
    _exit(0);
  }
  uint64_t sum = 0, expected = 0;
  for (size_t i = 0; i < chunks; i++) {
    check(mq_receive(mq, chunk, sizeof chunk, NULL), "mq_receive");
    for (size_t j = 0; j < sizeof chunk; j++) sum += (unsigned char)chunk[j];
    expected += (uint64_t)CHUNK * (unsigned char)i;
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0 || sum != expected) {
    fprintf(stderr, "other bytes came out than went in\n");
    return EXIT_FAILURE;
  }
  printf("%-14s %8.0f MB/s\n", "POSIX mq:", (double)chunks * CHUNK / (seconds() - start) / 1e6);
  check(mq_close(mq), "mq_close");
  return EXIT_SUCCESS;
}
