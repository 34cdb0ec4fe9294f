/* A complete transfer waits by itself if the descriptor is in non-blocking mode. */
#include "streams.h"

enum { SIZE = 1 << 20 };

static void writer(void *argument) {
  int *ends = argument;
  close(ends[0]);
  unsigned char *bytes = allocate(SIZE);
  fill_pattern(bytes, SIZE, 0);
  CHECK_EQUAL(ipc_write_full(ends[1], bytes, SIZE, IPC_FOREVER), SIZE);
  free(bytes);
}

int main(void) {
  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], IPC_NONBLOCK), 0);
  char byte;
  /* Plain calls on this descriptor do not wait. */
  CHECK_EQUAL(read(ends[0], &byte, 1), -1);
  CHECK_EQUAL(errno, EAGAIN);
  pid_t child = start(writer, ends);
  close(ends[1]);
  wait_until_asleep(child);
  unsigned char *bytes = allocate(SIZE);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, SIZE, IPC_FOREVER), SIZE);
  check_pattern(bytes, SIZE, 0);
  CHECK_EQUAL(ipc_read_full(ends[0], bytes, 1, IPC_FOREVER), 0);
  FINISH(child);
  free(bytes);
  return 0;
}
