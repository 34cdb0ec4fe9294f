/* Writing to a full pipe waits until there is room, and no byte is lost or doubled. */
#include "streams.h"

enum { SIZE = 200000 };

typedef struct {
  int read_fd, write_fd, about_to_write;
  ssize_t result;
} Shared;

static void writer(void *argument) {
  Shared *shared = argument;
  close(shared->read_fd);
  unsigned char *bytes = allocate(SIZE);
  fill_pattern(bytes, SIZE, 0);
  __atomic_store_n(&shared->about_to_write, 1, __ATOMIC_SEQ_CST);
  shared->result = ipc_write_full(shared->write_fd, bytes, SIZE, IPC_FOREVER);
  free(bytes);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_pipe(&shared->read_fd, &shared->write_fd, 0), 0);
  pid_t child = start(writer, shared);
  close(shared->write_fd);
  while (!__atomic_load_n(&shared->about_to_write, __ATOMIC_SEQ_CST)) sched_yield();
  wait_until_asleep(child);
  CHECK_EQUAL(shared->result, 0);

  unsigned char *bytes = allocate(SIZE + 1);
  /* The read asks for more bytes than come: it is short, because the file ends. */
  CHECK_EQUAL(ipc_read_full(shared->read_fd, bytes, SIZE + 1, PATIENCE), SIZE);
  check_pattern(bytes, SIZE, 0);
  free(bytes);
  FINISH(child);
  CHECK_EQUAL(shared->result, SIZE);
  return 0;
}
