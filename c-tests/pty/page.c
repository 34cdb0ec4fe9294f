/* ipc_pty(3), sentence by sentence. Other tests of this folder have programs, signals and the end of a terminal. */
#include "page.h"

#include <fcntl.h>
#include <termios.h>

/* The kernel passes on what is written to a terminal a little later, and in parts. */
static void read_all(int controller, ssize_t count) {
  char byte;
  for (; count > 0; count--) CHECK_EQUAL(ipc_pty_read(controller, &byte, 1, PATIENCE), 1);
}

int main(void) {
  int controller, terminal;
  char bytes[256];
  unsigned short rows, columns;
  CHECK_EQUAL(ipc_pty_open(&controller, &terminal, NULL), 0);
  CLAIM("Both are plain descriptors, which exec closes and which the caller closes with close(2).");
  CHECK_EQUAL(fcntl(controller, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(terminal, F_GETFD), FD_CLOEXEC);
  CLAIM("isatty(3) returns 1 for it");
  CHECK_EQUAL(isatty(terminal), 1);
  CLAIM("0 means 24 and 80.");
  CHECK_EQUAL(ipc_pty_window_size(terminal, &rows, &columns), 0);
  CHECK(rows == 24 && columns == 80);
  CLAIM("Both calls take either end.");
  CHECK_EQUAL(ipc_pty_set_window_size(terminal, 10, 20), 0);
  CHECK_EQUAL(ipc_pty_window_size(controller, &rows, &columns), 0);
  CHECK(rows == 10 && columns == 20);
  CLAIM("nothing is there, and timeout_ns is 0");
  CHECK_EQUAL(ipc_pty_read(controller, bytes, sizeof bytes, 0), -EAGAIN);
  CLAIM("the time has passed and nothing was printed");
  CHECK_EQUAL(ipc_pty_read(controller, bytes, sizeof bytes, MILLISECOND), -ETIMEDOUT);
  CLAIM("capacity is 0 or above SSIZE_MAX, or timeout_ns is invalid");
  CHECK_EQUAL(ipc_pty_read(controller, bytes, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_pty_read(controller, bytes, 1, INT64_MIN), -EINVAL);
  CLAIM("at least one byte and at most capacity bytes");
  CHECK_EQUAL(ipc_write_full(terminal, "abc", 3, 0), 3);
  for (ssize_t passed = 0, part; passed < 3; passed += part) {
    part = ipc_pty_read(controller, bytes, 2, PATIENCE);
    CHECK(part == 1 || part == 2);
  }
  CLAIM("Bytes that it writes are input, as if typed.");
  CHECK_EQUAL(ipc_write_full(controller, "line\n", 5, 0), 5);
  CHECK_EQUAL(ipc_read_full(terminal, bytes, 5, PATIENCE), 5);
  CHECK(memcmp(bytes, "line\n", 5) == 0);
  CLAIM("fd is not the controlling end of a pseudoterminal");
  CHECK_EQUAL(ipc_pty_read(terminal, bytes, sizeof bytes, 0), -ENOTTY);
  CLAIM("fd is not a terminal.");
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_EQUAL(ipc_pty_window_size(null, &rows, &columns), -ENOTTY);
  CHECK_EQUAL(close(null), 0);
  CLAIM("fd is not open.");
  CHECK_EQUAL(ipc_pty_read(1000000, bytes, 1, 0), -EBADF);
  CLAIM("The call first returns everything that they printed before.");
  read_all(controller, 6); /* the echo, "line\r\n" */
  CHECK_EQUAL(ipc_write_full(terminal, "end", 3, 0), 3);
  CHECK_EQUAL(close(terminal), 0);
  read_all(controller, 3);
  CLAIM("When all programs have closed the terminal or ended, the call returns 0.");
  CHECK_EQUAL(ipc_pty_read(controller, bytes, sizeof bytes, PATIENCE), 0);
  CHECK_EQUAL(close(controller), 0);

  CLAIM("bytes pass unchanged, without echo, line editing or signals from keys");
  CHECK_EQUAL(ipc_pty_open(&controller, &terminal, &(ipc_pty_attr_t){ .flags = IPC_PTY_RAW, .rows = 5, .columns = 7 }), 0);
  CHECK_EQUAL(ipc_write_full(controller, "\x03\r\n", 3, 0), 3);
  CHECK_EQUAL(ipc_read_full(terminal, bytes, 3, PATIENCE), 3);
  CHECK(memcmp(bytes, "\x03\r\n", 3) == 0);
  CHECK_EQUAL(ipc_pty_read(controller, bytes, sizeof bytes, 0), -EAGAIN);
  CHECK_EQUAL(ipc_pty_window_size(controller, &rows, &columns), 0);
  CHECK(rows == 5 && columns == 7);
  CHECK_EQUAL(close(terminal), 0);
  CHECK_EQUAL(close(controller), 0);

  CLAIM("The program leads a new session. The terminal is its controlling terminal and its standard input, output and error.");
  ipc_child_t *child;
  ipc_child_exit_t how;
  const char *const argv[] = { "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && : >/dev/tty && echo $NAME", NULL };
  const char *const environment[] = { "NAME=value", NULL };
  CHECK_EQUAL(ipc_pty_spawn(&child, &controller, argv, environment, NULL), 0);
  size_t length = 0;
  for (ssize_t part; (part = ipc_pty_read(controller, bytes + length, sizeof bytes - length, PATIENCE)) > 0;) length += (size_t)part;
  CHECK_EQUAL(length, 7);
  CHECK(memcmp(bytes, "value\r\n", 7) == 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CLAIM("None of the program's streams is a pipe");
  CHECK_EQUAL(ipc_child_stdout(child), -EBADF);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(close(controller), 0);
  CLAIM("A needed pointer is NULL or misaligned, the arguments are empty, flags has an unknown bit, a reserved field is not 0");
  CHECK_EQUAL(ipc_pty_open(NULL, &terminal, NULL), -EINVAL);
  CHECK_EQUAL(ipc_pty_open(&controller, &terminal, &(ipc_pty_attr_t){ .flags = 1 << 25 }), -EINVAL);
  CHECK_EQUAL(ipc_pty_open(&controller, &terminal, &(ipc_pty_attr_t){ .reserved = { 1 } }), -EINVAL);
  CLAIM("ipc_pty_spawn(): the program cannot be executed.");
  const char *const missing[] = { "/no/such/program", NULL };
  CHECK_EQUAL(ipc_pty_spawn(&child, &controller, missing, NULL, NULL), -ENOENT);
  return 0;
}
