/* The end of the file comes when the last writer closes. A reader that keeps the FIFO open gets no end of the file. */
#include "streams.h"

static void write_and_leave(const char *path, const char *text) {
  int writer = ipc_fifo_open(path, IPC_WRITE_ONLY, PATIENCE);
  CHECK(writer >= 0);
  CHECK_EQUAL(ipc_write_full(writer, text, strlen(text), PATIENCE), (ssize_t)strlen(text));
  close(writer);
}

int main(void) {
  const char *path = test_path("fifo");
  char text[8] = {0};
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  int reader = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, IPC_FOREVER);
  CHECK(reader >= 0);
  CHECK_EQUAL(ipc_read_full(reader, text, 1, 0), -EAGAIN);
  write_and_leave(path, "one");
  CHECK_EQUAL(ipc_read_full(reader, text, 3, PATIENCE), 3);
  CHECK_EQUAL(ipc_read_full(reader, text, 1, 10 * MILLISECOND), -ETIMEDOUT);
  write_and_leave(path, "two");
  write_and_leave(path, "three");
  CHECK_EQUAL(ipc_read_full(reader, text, 8, PATIENCE), 8);
  CHECK(memcmp(text, "twothree", 8) == 0);
  close(reader);

  /* Without the flag: of two writers, the second one that closes causes the end of the file. */
  int keeper = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0);
  int writers[2];
  for (int i = 0; i < 2; i++) writers[i] = ipc_fifo_open(path, IPC_WRITE_ONLY, 0);
  reader = ipc_fifo_open(path, IPC_READ_ONLY, 0);
  CHECK(reader >= 0 && writers[0] >= 0 && writers[1] >= 0);
  close(keeper);
  close(writers[0]);
  CHECK_EQUAL(ipc_read_full(reader, text, 1, 0), -EAGAIN);
  close(writers[1]);
  CHECK_EQUAL(ipc_read_full(reader, text, 1, IPC_FOREVER), 0);

  /* A writer writes after the reader has gone. */
  writers[0] = ipc_fifo_open(path, IPC_WRITE_ONLY, 0);
  close(reader);
  CHECK_EQUAL(ipc_write_full(writers[0], "x", 1, IPC_FOREVER), -EPIPE);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  return 0;
}
