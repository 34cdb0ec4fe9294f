/* A wait for a FIFO's other end returns -EINTR when a signal handler has run. */
#include "storm.h"
#include "streams.h"

int main(void) {
  int before = open_descriptors();
  const char *path = test_path("fifo");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  pid_t storm;
  enter_storm(start_storm(&storm, 1), 0);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, IPC_FOREVER), -EINTR);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, IPC_FOREVER), -EINTR);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, PATIENCE), -EINTR);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, PATIENCE), -EINTR);
  leave_storm();
  FINISH(storm);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
