/* A child's standard streams are on pipes if the flags say so. ipc_child_close_stdin() ends the child's input.
 * ipc_child_wait() reports how the child ended. */
#include "streams.h"

int main(void) {
  int before = open_descriptors();
  const char *const cat[] = {"cat", NULL};
  ipc_child_t *child;
  CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
  CHECK(ipc_child_pid(child) > 0);
  CHECK_EQUAL(ipc_child_wait(child, NULL, 0), -EAGAIN);
  CHECK_FAILS(ipc_child_stderr(child), -EBADF, "standard error is not a pipe");
  int in = ipc_child_stdin(child), out = ipc_child_stdout(child);
  CHECK(in >= 0 && out >= 0);
  CHECK_EQUAL(fcntl(in, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(out, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(ipc_write_full(in, "through the cat", 15, PATIENCE), 15);
  char text[32] = {0};
  CHECK_EQUAL(ipc_read_full(out, text, 15, PATIENCE), 15);
  CHECK(strcmp(text, "through the cat") == 0);
  CHECK_EQUAL(ipc_child_close_stdin(child), 0);
  CHECK_FAILS(ipc_child_close_stdin(child), -EBADF, "standard input");
  CHECK_EQUAL(ipc_child_stdin(child), -EBADF);
  CHECK_EQUAL(ipc_read_full(out, text, 1, PATIENCE), 0);
  struct pollfd ended = {ipc_child_fd(child), POLLIN, 0};
  CHECK_EQUAL(poll(&ended, 1, 20000), 1);
  ipc_child_exit_t how = {.code = -5, .signal = -5};
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK(how.code == 0 && how.signal == 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_FAILS(ipc_child_wait(child, &how, 0), -EBADF, "closed");
  CHECK_EQUAL(ipc_child_close(child), -EBADF);
  CHECK_EQUAL(ipc_child_close(NULL), 0);

  /* Standard error on a pipe of its own, and an exit code. */
  const char *const both[] = {"sh", "-c", "echo out; echo err >&2; exit 37", NULL};
  CHECK_EQUAL(ipc_spawn(&child, both, IPC_STDOUT_PIPE | IPC_STDERR_PIPE), 0);
  memset(text, 0, sizeof text);
  CHECK_EQUAL(ipc_read_full(ipc_child_stdout(child), text, sizeof text, PATIENCE), 4);
  CHECK(strcmp(text, "out\n") == 0);
  memset(text, 0, sizeof text);
  CHECK_EQUAL(ipc_read_full(ipc_child_stderr(child), text, sizeof text, PATIENCE), 4);
  CHECK(strcmp(text, "err\n") == 0);
  for (int i = 0; i < 3; i++) {
    CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
    CHECK(how.code == 37 && how.signal == 0);
  }
  /* Valgrind has no pidfd_send_signal. */
  if (!is_under_valgrind()) CHECK_FAILS(ipc_child_kill(child, SIGTERM), -ESRCH, "has ended");
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
