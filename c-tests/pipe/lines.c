/* Lines come whole and in order, however the bytes were written. Bytes behind a line, and a begun line after an error, are
 * kept. A line longer than the buffer comes in pieces. The deadline holds against a peer that sends no newline. */
#include "streams.h"

static char buffer[9];
static ipc_line_reader_t reader;
static char *line;

static void expect(const char *text, ssize_t taken, int is_whole) {
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), taken);
  if (strcmp(line, text) != 0) test_failed(__FILE__, __LINE__, "expected \"%s\", found \"%s\"", text, line);
  CHECK_EQUAL(reader.is_whole, is_whole);
}

static void put(int fd, const char *text) { CHECK_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text)); }

static void wrong_values(int fd) {
  char *untouched = line = (char *)&line;
  CHECK_EQUAL(ipc_line_reader_init(NULL, fd, buffer, 9), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init((ipc_line_reader_t *)((char *)&reader + 1), fd, buffer, 9), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, fd, NULL, 9), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, fd, buffer, 1), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, fd, buffer, (size_t)-1), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, fd, buffer, sizeof buffer), 0);
  CHECK_EQUAL(ipc_read_line(NULL, &line, 0), -EINVAL);
  CHECK_EQUAL(ipc_read_line(&reader, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_read_line(&reader, &line, -2), -EINVAL);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EAGAIN);
  CHECK_EQUAL(ipc_read_line(&reader, &line, MILLISECOND), -ETIMEDOUT);
  reader.end = 9;
  CHECK_FAILS(ipc_read_line(&reader, &line, 0), -EINVAL, "fields");
  reader.end = 0;
  reader.begin = 1;
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EINVAL);
  reader = (ipc_line_reader_t){.fd = fd, .buffer = NULL, .capacity = 9};
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EINVAL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, -1, buffer, sizeof buffer), 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EBADF);
  CHECK(line == untouched);
  CHECK_EQUAL(ipc_line_reader_init(&reader, fd, buffer, sizeof buffer), 0);
}

static void pieces(int reading, int writing) {
  wrong_values(reading);
  put(writing, "ab\n\ncd\ne");
  expect("ab", 3, 1);
  CHECK_EQUAL(reader.end - reader.begin, 5);
  CHECK(memcmp(buffer + reader.begin, "\ncd\ne", 5) == 0);
  expect("", 1, 1);
  expect("cd", 3, 1);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EAGAIN);
  CHECK_FAILS(ipc_read_line(&reader, &line, MILLISECOND), -ETIMEDOUT, "");
  put(writing, "f\n");
  expect("ef", 3, 1);
  /* Eight bytes with the newline fit; nine do not. */
  put(writing, "1234567\n12345678\nx\n");
  expect("1234567", 8, 1);
  expect("12345678", 8, 0);
  expect("", 1, 1);
  expect("x", 2, 1);
  put(writing, "0123456789abcdefghi\n");
  expect("01234567", 8, 0);
  expect("89abcdef", 8, 0);
  expect("ghi", 4, 1);
  put(writing, "last");
  close(writing);
  expect("last", 4, 0);
  expect("", 0, 0);
  expect("", 0, 0);
  close(reading);
}

static void on_signal(int number) { (void)number; }

static void is_interrupted(void *ends) {
  char own[64];
  struct sigaction action = {.sa_handler = on_signal};
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  CHECK_EQUAL(ipc_line_reader_init(&reader, ((int *)ends)[0], own, sizeof own), 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), -EINTR);
  CHECK_EQUAL(reader.end, 5); /* kept */
  put(((int *)ends)[1], "end\n");
  CHECK_EQUAL(ipc_read_line(&reader, &line, PATIENCE), 9);
  CHECK(strcmp(line, "beginend") == 0);
}

static void writes_for_ever(void *fd) {
  for (;;) (void)!write(*(int *)fd, "x", 1);
}

int main(void) {
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  pieces(ends[0], ends[1]);
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  pieces(ends[0], ends[1]);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  pieces(ends[0], ends[1]);

  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  put(ends[1], "begin");
  pid_t child = start(is_interrupted, ends);
  wait_until_asleep(child);
  while (waitpid(child, NULL, WNOHANG) == 0) {
    kill(child, SIGUSR1);
    sched_yield();
  }

  /* A flood without a newline. */
  size_t size = 1 << 28;
  char *large = malloc(size);
  CHECK(large != NULL);
  CHECK_EQUAL(ipc_line_reader_init(&reader, ends[0], large, size), 0);
  child = start(writes_for_ever, &ends[1]);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 50 * MILLISECOND), -ETIMEDOUT);
  KILL(child);
  free(large);

  /* A file, and things that cannot be read. */
  CHECK_EQUAL(ipc_line_reader_init(&reader, ends[1], buffer, sizeof buffer), 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), -EBADF);
  int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
  static char own[64];
  CHECK_EQUAL(ipc_line_reader_init(&reader, file, own, sizeof own), 0);
  CHECK(ipc_read_line(&reader, &line, 0) > 1);
  CHECK_EQUAL(ipc_read_line(&reader, &line, 0), 0);
  close(file);
  file = open("/", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(ipc_line_reader_init(&reader, file, own, sizeof own), 0);
  CHECK_EQUAL(ipc_read_line(&reader, &line, IPC_FOREVER), -EISDIR);
  close(file);
  return 0;
}
