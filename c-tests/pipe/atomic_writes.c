/* Two writers' writes of up to IPC_PIPE_ATOMIC bytes are never mixed, with and without a
 * deadline. */
#include "streams.h"

enum { ROUNDS = 2000 };

typedef struct {
  int ends[2];
  char letter;
  int64_t timeout_ns;
} Job;

static void writer(void *argument) {
  const Job *job = argument;
  char block[IPC_PIPE_ATOMIC];
  memset(block, job->letter, sizeof block);
  for (int i = 0; i < ROUNDS; i++) {
    CHECK_EQUAL(
      ipc_write_full(job->ends[1], block, sizeof block, job->timeout_ns), (ssize_t)sizeof block);
  }
}

int main(void) {
  CHECK_EQUAL(IPC_PIPE_ATOMIC, PIPE_BUF);
  static const int64_t timeouts[] = {IPC_FOREVER, PATIENCE};
  for (size_t t = 0; t < LENGTH(timeouts); t++) {
    Job job = {.letter = 'a', .timeout_ns = timeouts[t]};
    CHECK_EQUAL(ipc_pipe(&job.ends[0], &job.ends[1], 0), 0);
    pid_t first = start(writer, &job);
    job.letter = 'b';
    pid_t second = start(writer, &job);
    close(job.ends[1]);
    char block[IPC_PIPE_ATOMIC];
    int blocks = 0;
    ssize_t got;
    while ((got = ipc_read_full(job.ends[0], block, sizeof block, PATIENCE)) > 0) {
      CHECK_EQUAL(got, sizeof block);
      for (size_t i = 1; i < sizeof block; i++) CHECK_EQUAL(block[i], block[0]);
      blocks++;
    }
    CHECK_EQUAL(got, 0);
    CHECK_EQUAL(blocks, 2 * ROUNDS);
    FINISH(first);
    FINISH(second);
    close(job.ends[0]);
  }
  return 0;
}
