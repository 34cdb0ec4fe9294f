/* ipc_read_line(3), sentence by sentence. pipe/lines.c has the other kinds of streams. */
#include "page.h"
#include <fcntl.h>

int main(void) {
  int ends[2];
  char buffer[16], *line;
  ipc_line_reader_t reader;
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQUAL(ipc_line_reader_init(&reader, ends[0], buffer, sizeof buffer), 0);

  CLAIM("In place of the newline the line ends with a NUL byte.");
  CHECK_EQUAL(write(ends[1], "one\ntwo\nth", 10), 10);
  CLAIM("returns how many bytes the line took from the stream, with its newline: at least 1");
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 4);
  CHECK(strcmp(line, "one") == 0);
  CLAIM("the bytes behind the line stay in its buffer for the next call");
  CHECK_EQUAL(reader.end - reader.begin, 6);
  CHECK(memcmp(reader.buffer + reader.begin, "two\nth", 6) == 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), 4);
  CHECK(strcmp(line, "two") == 0);

  CLAIM("No whole line is there, and timeout_ns is 0.");
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EAGAIN);
  CLAIM("What came of the line is kept.");
  CHECK_EQUAL(ipc_read_line(&reader, &line, MILLISECOND), -ETIMEDOUT);
  CLAIM("After an error of ipc_read_line() all bytes that came are kept for the next call.");
  CHECK_EQUAL(write(ends[1], "ree\n", 4), 4);
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 6);
  CHECK(strcmp(line, "three") == 0);

  CLAIM("The field is_whole of the reader is 1 if the last line ended with a newline.");
  CHECK_EQUAL(reader.is_whole, 1);
  CLAIM("A longer line comes in pieces.");
  CHECK_EQUAL(write(ends[1], "a line of 18 bytes\nend", 22), 22);
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 15);
  CLAIM("It is 0 after a piece, and after the last line of a stream that does not end with a newline.");
  CHECK_EQUAL(reader.is_whole, 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 4);
  CHECK(strcmp(line, "tes") == 0 && reader.is_whole == 1);
  CLAIM("When the peer dies, what it had written is read first, and then the end.");
  close(ends[1]);
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 3);
  CHECK(strcmp(line, "end") == 0 && reader.is_whole == 0);
  CLAIM("It returns 0 at the end of the stream.");
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 0);

  CLAIM("capacity is below 2 or above SSIZE_MAX");
  CHECK_EQUAL(ipc_line_reader_init(&reader, ends[0], buffer, 1), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, ends[0], buffer, (size_t)-1), -EINVAL);
  CLAIM("The descriptor is not open for reading.");
  close(ends[0]);
  CHECK_EQUAL(ipc_line_reader_init(&reader, ends[0], buffer, sizeof buffer), 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EBADF);
  return 0;
}
