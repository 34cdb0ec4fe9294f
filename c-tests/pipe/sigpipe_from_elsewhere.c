/* A write removes only the SIGPIPE that it has caused itself. One that another process sends during the write reaches
 * the program's handler once, whether the write moves all bytes, is interrupted, or loses its reader. */
#include "asleep.h"
#include "streams.h"

enum { SIZE = 1 << 20 };

static volatile sig_atomic_t sigpipes;

static void on_sigpipe(int number) {
  (void)number;
  sigpipes = sigpipes + 1;
}

static void on_other(int number) { (void)number; }

typedef struct {
  int *ends;
  ssize_t expected;
} Writing;

static void write_much(void *argument) {
  Writing *writing = argument;
  close(writing->ends[0]);
  struct sigaction sigpipe = {.sa_handler = on_sigpipe}, other = {.sa_handler = on_other};
  CHECK_EQUAL(sigaction(SIGPIPE, &sigpipe, NULL), 0);
  CHECK_EQUAL(sigaction(SIGUSR1, &other, NULL), 0);
  char *bytes = calloc(1, SIZE);
  CHECK(bytes != NULL);
  CHECK_EQUAL(ipc_write_full(writing->ends[1], bytes, SIZE, IPC_FOREVER), writing->expected);
  CHECK_EQUAL(sigpipes, 1);
  free(bytes);
}

static void wait_until_in_write(pid_t child) {
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield()) {
    long number = system_call_of(child);
    if (number == SYS_write || number == SYS_pwritev2) return;
  }
  test_failed(__FILE__, __LINE__, "the child does not wait in a write");
}

int main(void) {
  char *bytes = malloc(SIZE);
  CHECK(bytes != NULL);
  for (int interrupted = 0; interrupted < 2; interrupted++) {
    for (int leaves = 0; leaves < 2; leaves++) {
      int ends[2];
      CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
      Writing writing = {ends, leaves ? -EPIPE : SIZE};
      pid_t child = start(write_much, &writing);
      close(ends[1]);
      wait_until_in_write(child);
      CHECK_EQUAL(kill(child, SIGPIPE), 0);
      if (interrupted) CHECK_EQUAL(kill(child, SIGUSR1), 0);
      if (!leaves) CHECK_EQUAL(ipc_read_full(ends[0], bytes, SIZE, PATIENCE), SIZE);
      close(ends[0]);
      FINISH(child);
    }
  }
  free(bytes);
  return 0;
}
