/* Plain <mqueue.h>, to be run bare and with librobustipc-posix.so preloaded: one line for each row, in nanoseconds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64
#define ROUNDS 200000
static const char there[] = "/ripc-bench-posix-1", back[] = "/ripc-bench-posix-2";
static char message[SIZE];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(long result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static mqd_t make(const char *name) {
  struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = SIZE };
  mqd_t mq = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
  check(mq, "mq_open");
  return mq;
}

static void report(const char *what, double begin, long count) { printf("%s\t%.1f\n", what, (now() - begin) / (double)count); }

int main(void) {
  mq_unlink(there);
  mq_unlink(back);
  mqd_t in = make(there), out = make(back);

  double begin = now();
  for (long i = 0; i < ROUNDS; i++) {
    check(mq_send(in, message, SIZE, 0), "mq_send");
    check(mq_receive(in, message, SIZE, NULL), "mq_receive");
  }
  report("send and receive in one thread, 64 B", begin, ROUNDS);

  pid_t child = fork();
  if (child == 0) {
    for (long i = 0; i < ROUNDS; i++) check(mq_receive(in, message, SIZE, NULL), "mq_receive");
    _exit(0);
  }
  begin = now();
  for (long i = 0; i < ROUNDS; i++) check(mq_send(in, message, SIZE, 0), "mq_send");
  waitpid(child, NULL, 0);
  report("a message between two processes, 64 B, 10 places", begin, ROUNDS);

  child = fork();
  if (child == 0) {
    for (long i = 0; i < ROUNDS / 10; i++) {
      check(mq_receive(in, message, SIZE, NULL), "mq_receive");
      check(mq_send(out, message, SIZE, 0), "mq_send");
    }
    _exit(0);
  }
  begin = now();
  for (long i = 0; i < ROUNDS / 10; i++) {
    check(mq_send(in, message, SIZE, 0), "mq_send");
    check(mq_receive(out, message, SIZE, NULL), "mq_receive");
  }
  waitpid(child, NULL, 0);
  report("one way, waiting receivers", begin, 2 * (ROUNDS / 10));

  struct mq_attr nonblocking = { .mq_flags = O_NONBLOCK };
  check(mq_setattr(in, &nonblocking, NULL), "mq_setattr");
  check(mq_setattr(out, &nonblocking, NULL), "mq_setattr");
  child = fork();
  if (child == 0) {
    for (long i = 0; i < ROUNDS / 10; i++) {
      while (mq_receive(in, message, SIZE, NULL) < 0) continue;
      check(mq_send(out, message, SIZE, 0), "mq_send");
    }
    _exit(0);
  }
  begin = now();
  for (long i = 0; i < ROUNDS / 10; i++) {
    check(mq_send(in, message, SIZE, 0), "mq_send");
    while (mq_receive(out, message, SIZE, NULL) < 0) continue;
  }
  waitpid(child, NULL, 0);
  report("one way, spinning receivers", begin, 2 * (ROUNDS / 10));

  begin = now();
  struct mq_attr attr;
  for (long i = 0; i < ROUNDS / 10; i++) check(mq_getattr(in, &attr), "mq_getattr");
  report("attributes", begin, ROUNDS / 10);

  begin = now();
  for (long i = 0; i < ROUNDS / 100; i++) {
    mqd_t again = mq_open(there, O_RDWR);
    check(again, "mq_open");
    mq_close(again);
  }
  report("open again and close", begin, ROUNDS / 100);

  mq_close(out);
  mq_unlink(back);
  begin = now();
  for (long i = 0; i < ROUNDS / 100; i++) {
    mq_close(make(back));
    mq_unlink(back);
  }
  report("make, close and unlink", begin, ROUNDS / 100);
  mq_unlink(there);
  return 0;
}
