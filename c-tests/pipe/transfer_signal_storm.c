/* Whole transfers through a storm of signals with a real handler: every byte arrives once and in
 * order, on pipes, sockets and non-blocking ones, with and without a deadline. */
#include "streams.h"

enum { SIZE = 24 << 20, STEP = 1 << 20 };

static volatile sig_atomic_t storms;

static void on_alarm(int number) {
  (void)number;
  storms++;
}

static void begin_storm(void) {
  /* Without SA_RESTART: every wait is really interrupted. */
  struct sigaction action = {.sa_handler = on_alarm};
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  struct itimerval each = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
  CHECK_EQUAL(setitimer(ITIMER_REAL, &each, NULL), 0);
}

typedef struct {
  int ends[2];
  int64_t timeout_ns;
} Job;

static void writer(void *argument) {
  const Job *job = argument;
  close(job->ends[0]);
  unsigned char *bytes = allocate(STEP);
  begin_storm();
  for (size_t done = 0; done < SIZE; done += STEP) {
    fill_pattern(bytes, STEP, done);
    CHECK_EQUAL(ipc_write_full(job->ends[1], bytes, STEP, job->timeout_ns), STEP);
  }
  while (storms == 0) sched_yield();
  free(bytes);
}

static void transfer(int ends[2], int64_t timeout_ns) {
  Job job = {{ends[0], ends[1]}, timeout_ns};
  pid_t child = start(writer, &job);
  close(ends[1]);
  unsigned char *bytes = allocate(STEP);
  for (size_t done = 0; done < SIZE; done += STEP) {
    CHECK_EQUAL(ipc_read_full(ends[0], bytes, STEP, timeout_ns), STEP);
    check_pattern(bytes, STEP, done);
  }
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, STEP, timeout_ns), 0);
  FINISH(child);
  close(ends[0]);
  free(bytes);
}

int main(void) {
  begin_storm();
  static const int64_t timeouts[] = {IPC_FOREVER, 3 * PATIENCE};
  for (size_t t = 0; t < LENGTH(timeouts); t++) {
    int ends[2];
    CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
    transfer(ends, timeouts[t]);
    CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], IPC_NONBLOCK), 0);
    transfer(ends, timeouts[t]);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    transfer(ends, timeouts[t]);
  }
  CHECK(storms > 0);
  return 0;
}
