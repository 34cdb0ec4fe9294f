/* A peer is killed while both ends open. The other end neither hangs nor is misled: a peer that was still waiting does
 * not count, and a peer that had opened counts. */
#include "streams.h"

typedef struct {
  const char *path;
  int side;
  int64_t timeout_ns;
  int ready;
} Job;

static void wait_for_peer(void *argument) {
  Job *job = argument;
  __atomic_store_n(&job->ready, 1, __ATOMIC_SEQ_CST);
  ipc_fifo_open(job->path, job->side, job->timeout_ns);
  test_failed(__FILE__, __LINE__, "somebody came");
}

static void open_and_stay(void *argument) {
  Job *job = argument;
  CHECK(ipc_fifo_open(job->path, job->side, PATIENCE) >= 0);
  __atomic_store_n(&job->ready, 1, __ATOMIC_SEQ_CST);
  pause();
}

static pid_t begin(void (*body)(void *), Job *job) {
  __atomic_store_n(&job->ready, 0, __ATOMIC_SEQ_CST);
  return start(body, job);
}

static void await(const Job *job) {
  while (!__atomic_load_n(&job->ready, __ATOMIC_SEQ_CST)) sched_yield();
}

int main(void) {
  int before = open_descriptors();
  const char *path = test_path("fifo");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  Job *job = shared_memory(sizeof *job);
  *job = (Job){.path = path};
  static const int64_t timeouts[] = {IPC_FOREVER, PATIENCE};
  for (size_t t = 0; t < LENGTH(timeouts); t++) {
    job->timeout_ns = timeouts[t];
    job->side = IPC_READ_ONLY;
    pid_t child = begin(wait_for_peer, job);
    await(job);
    wait_until_asleep(child);
    KILL(child);
    CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, 0), -ENXIO);
    job->side = IPC_WRITE_ONLY;
    child = begin(wait_for_peer, job);
    await(job);
    wait_until_asleep(child);
    KILL(child);
    CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, 0), -EAGAIN);
  }

  /* A writer is killed after both ends have opened: the reader gets the end of the file. */
  char byte;
  job->side = IPC_WRITE_ONLY;
  pid_t child = begin(open_and_stay, job);
  int fd = ipc_fifo_open(path, IPC_READ_ONLY, PATIENCE);
  CHECK(fd >= 0);
  await(job);
  KILL(child);
  CHECK_EQUAL(ipc_read_full(fd, &byte, 1, IPC_FOREVER), 0);
  close(fd);

  /* A reader is killed after both ends have opened: the writer gets a broken pipe. */
  job->side = IPC_READ_ONLY;
  child = begin(open_and_stay, job);
  fd = ipc_fifo_open(path, IPC_WRITE_ONLY, PATIENCE);
  CHECK(fd >= 0);
  await(job);
  KILL(child);
  CHECK_EQUAL(ipc_write_full(fd, "x", 1, IPC_FOREVER), -EPIPE);
  close(fd);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
