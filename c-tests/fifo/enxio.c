/* A call with timeout 0 learns that the other end is missing: a writer gets -ENXIO, and a reader -EAGAIN. After a
 * deadline both get -ETIMEDOUT. */
#include "streams.h"

int main(void) {
  int before = open_descriptors();
  const char *path = test_path("fifo");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_fifo_open(path, IPC_WRITE_ONLY, 0), -ENXIO, "nobody has it open for reading");
  CHECK_FAILS(ipc_fifo_open(path, IPC_READ_ONLY, 0), -EAGAIN, "nobody has it open for writing");
  for (int side = IPC_READ_ONLY; side <= IPC_WRITE_ONLY; side *= 2) {
    int64_t begun = now_ns();
    CHECK_FAILS(ipc_fifo_open(path, side, 30 * MILLISECOND), -ETIMEDOUT, "in time");
    CHECK(now_ns() - begun >= 30 * MILLISECOND);
  }
  CHECK_EQUAL(open_descriptors(), before);

  /* With the other end present, neither call waits. */
  int reader = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0);
  CHECK(reader >= 0);
  CHECK_EQUAL(fcntl(reader, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(reader, F_GETFL) & O_NONBLOCK, 0);
  int writer = ipc_fifo_open(path, IPC_WRITE_ONLY | IPC_NONBLOCK | IPC_INHERIT, 0);
  CHECK(writer >= 0);
  CHECK_EQUAL(fcntl(writer, F_GETFD), 0);
  CHECK_EQUAL(fcntl(writer, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  close(reader);
  /* A writer counts as present whether it has written something or not. */
  for (int i = 0; i < 2; i++) {
    reader = ipc_fifo_open(path, IPC_READ_ONLY, 0);
    CHECK(reader >= 0);
    CHECK_EQUAL(fcntl(reader, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQUAL(ipc_write_full(writer, "x", 1, 0), 1);
    int second = ipc_fifo_open(path, IPC_READ_ONLY | IPC_NONBLOCK, SECOND);
    CHECK(second >= 0);
    char byte;
    /* The check for a writer has consumed no byte. */
    CHECK_EQUAL(ipc_read_full(second, &byte, 1, 0), 1);
    CHECK_EQUAL(byte, 'x');
    close(second);
    close(reader);
  }
  close(writer);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
