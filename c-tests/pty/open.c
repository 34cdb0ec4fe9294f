/* Bytes written to one end of a pseudoterminal arrive at the other end: with the echo and the lines of a terminal, or
 * raw. The size can be set, and a reader sees the end. */
#include "sock.h"
#include <sys/ioctl.h>
#include <termios.h>

static void raw(void) {
  int controller, terminal;
  char buffer[64];
  ipc_pty_attr_t attr = {.rows = 7, .columns = 9, .flags = IPC_PTY_RAW};
  CHECK_EQUAL(ipc_pty_open(&controller, &terminal, &attr), 0);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, 0), -EAGAIN);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, 5 * MILLISECOND), -ETIMEDOUT);
  CHECK(write(terminal, "\x03\n\r\x04", 4) == 4);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, PATIENCE), 4);
  CHECK(memcmp(buffer, "\x03\n\r\x04", 4) == 0);
  CHECK(write(controller, "\x03\n\r\x04", 4) == 4);
  CHECK(read(terminal, buffer, sizeof buffer) == 4);
  CHECK(memcmp(buffer, "\x03\n\r\x04", 4) == 0);

  /* Everything printed arrives before the end. */
  CHECK(write(terminal, "bye", 3) == 3);
  close(terminal);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, IPC_FOREVER), 3);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, IPC_FOREVER), 0);
  close(controller);
}

int main(void) {
  int before = open_descriptors();
  int controller, terminal;
  char buffer[64];
  unsigned short rows, columns;
  CHECK_EQUAL(ipc_pty_open(&controller, &terminal, NULL), 0);
  CHECK(isatty(controller) && isatty(terminal));
  CHECK(is_close_on_exec(controller) && is_close_on_exec(terminal));
  CHECK_EQUAL(ipc_pty_window_size(controller, &rows, &columns), 0);
  CHECK(rows == 24 && columns == 80);

  /* Typed lines are echoed, and the program gets them as lines. */
  CHECK(write(controller, "typed\n", 6) == 6);
  CHECK(read(terminal, buffer, sizeof buffer) == 6 && memcmp(buffer, "typed\n", 6) == 0);
  CHECK_EQUAL(ipc_pty_read(controller, buffer, sizeof buffer, PATIENCE), 7);
  CHECK(memcmp(buffer, "typed\r\n", 7) == 0);

  CHECK_EQUAL(ipc_pty_set_window_size(controller, 50, 132), 0);
  CHECK_EQUAL(ipc_pty_window_size(terminal, &rows, &columns), 0);
  CHECK(rows == 50 && columns == 132);
  CHECK_EQUAL(ipc_pty_set_window_size(terminal, 1, 2), 0);
  CHECK_EQUAL(ipc_pty_window_size(controller, &rows, &columns), 0);
  CHECK(rows == 1 && columns == 2);

  /* When the user hangs up, the program's read ends. */
  close(controller);
  CHECK(read(terminal, buffer, sizeof buffer) <= 0);
  close(terminal);
  raw();
  CHECK_EQUAL(open_descriptors(), before);

  int null = open("/dev/null", O_RDWR);
  controller = terminal = 77;
  rows = 77;
  ipc_pty_attr_t attr = {.flags = 2};
  CHECK_FAILS(ipc_pty_open(&controller, &terminal, &attr), -EINVAL, "flags 0x2");
  attr = (ipc_pty_attr_t){.reserved = {0, 1}};
  CHECK_FAILS(ipc_pty_open(&controller, &terminal, &attr), -EINVAL, "reserved");
  CHECK_EQUAL(ipc_pty_open(NULL, &terminal, NULL), -EINVAL);
  CHECK_EQUAL(ipc_pty_open(&controller, NULL, NULL), -EINVAL);
  CHECK(controller == 77 && terminal == 77);
  CHECK_FAILS(ipc_pty_window_size(null, &rows, &columns), -ENOTTY, "expected a pseudoterminal");
  CHECK_EQUAL(ipc_pty_window_size(-1, &rows, &columns), -EBADF);
  CHECK_EQUAL(ipc_pty_window_size(0x7fffffff, &rows, &columns), -EBADF);
  CHECK_EQUAL(ipc_pty_window_size(null, NULL, &columns), -EINVAL);
  CHECK_EQUAL(ipc_pty_set_window_size(null, 1, 1), -ENOTTY);
  CHECK_EQUAL(ipc_pty_set_window_size(-1, 1, 1), -EBADF);
  CHECK_EQUAL(ipc_pty_read(null, buffer, 1, PATIENCE), -ENOTTY);
  CHECK_EQUAL(ipc_pty_read(-1, buffer, 1, PATIENCE), -EBADF);
  CHECK_EQUAL(ipc_pty_read(null, buffer, 1, -2), -EINVAL);
  CHECK_EQUAL(rows, 77);
  return 0;
}
