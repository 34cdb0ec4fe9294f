/* In a storm of signals with a handler, a complete transfer moves every byte once and in order: on pipes, on
 * non-blocking pipes and on sockets, with and without a deadline. */
#include "storm.h"
#include "streams.h"

enum { STEP = 1 << 20 };

static size_t size;

typedef struct {
  int ends[2];
  int64_t timeout_ns;
  Storm *storm;
} Job;

static void writer(void *argument) {
  const Job *job = argument;
  close(job->ends[0]);
  unsigned char *bytes = allocate(STEP);
  /* Without SA_RESTART the kernel ends every wait. */
  enter_storm(job->storm, 0);
  for (size_t done = 0; done < size; done += STEP) {
    fill_pattern(bytes, STEP, done);
    CHECK_EQUAL(ipc_write_full(job->ends[1], bytes, STEP, job->timeout_ns), STEP);
    storm_step();
  }
  leave_storm();
  free(bytes);
}

static void transfer(int ends[2], int64_t timeout_ns) {
  pid_t storm;
  Job job = {{ends[0], ends[1]}, timeout_ns, start_storm(&storm, 1)};
  pid_t child = start(writer, &job);
  close(ends[1]);
  unsigned char *bytes = allocate(STEP);
  for (size_t done = 0; done < size; done += STEP) {
    CHECK_EQUAL(ipc_read_full(ends[0], bytes, STEP, timeout_ns), STEP);
    check_pattern(bytes, STEP, done);
    storm_step();
  }
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, STEP, timeout_ns), 0);
  FINISH(child);
  FINISH(storm);
  close(ends[0]);
  free(bytes);
}

int main(void) {
  size = is_under_valgrind() ? 4 * STEP : 24 * STEP;
  pid_t storm;
  enter_storm(start_storm(&storm, 1), 0);
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
  leave_storm();
  FINISH(storm);
  return 0;
}
