/* A read from an empty pipe waits until another process writes. Reading consumes bytes, so each byte is read once. */
#include "streams.h"

typedef struct {
  int read_fd, write_fd, about_to_read;
  ssize_t result;
  char text[6];
} Shared;

static void reader(void *argument) {
  Shared *shared = argument;
  close(shared->write_fd);
  __atomic_store_n(&shared->about_to_read, 1, __ATOMIC_SEQ_CST);
  shared->result = ipc_read_full(shared->read_fd, shared->text, 5, IPC_FOREVER);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_pipe(&shared->read_fd, &shared->write_fd, 0), 0);
  pid_t child = start(reader, shared);
  while (!__atomic_load_n(&shared->about_to_read, __ATOMIC_SEQ_CST)) sched_yield();
  wait_until_asleep(child);
  CHECK_EQUAL(shared->result, 0);

  /* Only a part has come, so the transfer continues to wait. */
  CHECK_EQUAL(ipc_write_full(shared->write_fd, "he", 2, IPC_FOREVER), 2);
  wait_until_asleep(child);
  CHECK_EQUAL(shared->result, 0);
  CHECK_EQUAL(ipc_write_full(shared->write_fd, "llo", 3, IPC_FOREVER), 3);
  FINISH(child);
  CHECK_EQUAL(shared->result, 5);
  CHECK(strcmp(shared->text, "hello") == 0);

  /* Bytes that the child has read are gone for every reader. */
  char byte;
  CHECK_EQUAL(ipc_read_full(shared->read_fd, &byte, 1, 0), -EAGAIN);
  return 0;
}
