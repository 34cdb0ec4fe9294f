/* Opening a FIFO waits for the other end, in both directions, with and without a deadline. The other end may use this
 * library or plain open(). */
#include "streams.h"

typedef struct {
  const char *path;
  int side;
  int64_t timeout_ns;
  int plain, about_to_open;
} Job;

static int open_side(const Job *job, int side) {
  if (job->plain) return open(job->path, (side == IPC_READ_ONLY ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
  return ipc_fifo_open(job->path, side, job->timeout_ns);
}

static void talk(int fd, int side) {
  CHECK(fd >= 0);
  char text[6] = {0};
  if (side == IPC_READ_ONLY) {
    CHECK_EQUAL(ipc_read_full(fd, text, 6, PATIENCE), 5);
    CHECK(strcmp(text, "hello") == 0);
  } else {
    CHECK_EQUAL(ipc_write_full(fd, "hello", 5, PATIENCE), 5);
  }
  close(fd);
}

static void first(void *argument) {
  Job *job = argument;
  __atomic_store_n(&job->about_to_open, 1, __ATOMIC_SEQ_CST);
  talk(open_side(job, job->side), job->side);
}

int main(void) {
  const char *path = test_path("fifo");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  Job *job = shared_memory(sizeof *job);
  static const int64_t timeouts[] = {IPC_FOREVER, PATIENCE};
  for (int side = IPC_READ_ONLY; side <= IPC_WRITE_ONLY; side *= 2) {
    int other = side ^ (IPC_READ_ONLY | IPC_WRITE_ONLY);
    for (size_t t = 0; t < LENGTH(timeouts); t++) {
      for (size_t u = 0; u < LENGTH(timeouts); u++) {
        for (int plain = 0; plain < 2; plain++) {
          *job = (Job){.path = path, .side = side, .timeout_ns = timeouts[t], .plain = plain};
          pid_t child = start(first, job);
          while (!__atomic_load_n(&job->about_to_open, __ATOMIC_SEQ_CST)) sched_yield();
          wait_until_asleep(child);
          talk(ipc_fifo_open(path, other, timeouts[u]), other);
          FINISH(child);
        }
      }
      /* The other end uses plain open(), which waits by itself. */
      *job = (Job){.path = path, .side = side, .timeout_ns = timeouts[t]};
      pid_t child = start(first, job);
      talk(open(path, (other == IPC_READ_ONLY ? O_RDONLY : O_WRONLY) | O_CLOEXEC), other);
      FINISH(child);
    }
  }
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  return 0;
}
