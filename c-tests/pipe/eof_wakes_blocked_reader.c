/* When the last writer closes or is killed, a waiting reader gets the end of the file. This includes a reader with a
 * deadline and a reader that has read a part. */
#include "streams.h"

typedef struct {
  int read_fd, write_fd, about_to_read;
  int64_t timeout_ns;
  ssize_t result;
} Shared;

static void reader(void *argument) {
  Shared *shared = argument;
  close(shared->write_fd);
  char bytes[8];
  __atomic_store_n(&shared->about_to_read, 1, __ATOMIC_SEQ_CST);
  shared->result = ipc_read_full(shared->read_fd, bytes, sizeof bytes, shared->timeout_ns);
}

static void sleeping_writer(void *argument) {
  Shared *shared = argument;
  close(shared->read_fd);
  pause();
}

static void check(Shared *shared, int64_t timeout_ns, int part, int kill_writer) {
  shared->about_to_read = 0;
  shared->timeout_ns = timeout_ns;
  shared->result = -1;
  CHECK_EQUAL(ipc_pipe(&shared->read_fd, &shared->write_fd, 0), 0);
  pid_t other = kill_writer ? start(sleeping_writer, shared) : 0;
  pid_t child = start(reader, shared);
  while (!__atomic_load_n(&shared->about_to_read, __ATOMIC_SEQ_CST)) sched_yield();
  CHECK_EQUAL(ipc_write_full(shared->write_fd, "abc", (size_t)part, IPC_FOREVER), part);
  wait_until_asleep(child);
  close(shared->write_fd);
  if (kill_writer) {
    /* The other writer still has the pipe open, so the reader continues to wait. */
    wait_until_asleep(child);
    CHECK_EQUAL(shared->result, -1);
    KILL(other);
  }
  FINISH(child);
  CHECK_EQUAL(shared->result, part);
  close(shared->read_fd);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  for (int part = 0; part <= 3; part += 3) {
    for (int kill_writer = 0; kill_writer < 2; kill_writer++) {
      check(shared, IPC_FOREVER, part, kill_writer);
      check(shared, PATIENCE, part, kill_writer);
    }
  }
  return 0;
}
