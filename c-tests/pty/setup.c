/* A program on a pseudoterminal gets the directory, the descriptors and the group of its setup; ipc_pty_open() refuses a
 * setup. */
#include "streams.h"

int main(void) {
  SKIP_UNDER_VALGRIND("it has no pidfd_send_signal");
  int before = open_descriptors();
  int file = open("/dev/null", O_RDWR | O_CLOEXEC);
  ipc_child_descriptor_t given = {file, 9};
  ipc_child_setup_t setup = {.directory = "/", .descriptors = &given, .descriptor_count = 1, .program = "/bin/sh",
                             .flags = IPC_CHILD_NEW_SESSION | IPC_CHILD_DIES_WITH_PARENT};
  ipc_pty_attr_t attr = {.setup = &setup, .flags = IPC_PTY_RAW};
  const char *const argv[] = {"-odd-name", "-c", "echo $0 $PWD >&9; echo $0 $(pwd) $(test -e /proc/self/fd/9 && echo nine); sleep 1000 & wait", NULL};
  ipc_child_t *child;
  int controller, terminal;
  CHECK_EQUAL(ipc_pty_spawn(&child, &controller, argv, NULL, &attr), 0);
  char text[200] = {0};
  size_t length = 0;
  while (strchr(text, '\n') == NULL) {
    ssize_t count = ipc_pty_read(controller, text + length, sizeof text - 1 - length, PATIENCE);
    CHECK(count > 0);
    length += (size_t)count;
  }
  CHECK(strncmp(text, "-odd-name / nine", 16) == 0);
  CHECK_EQUAL(ipc_child_kill_group(child, SIGKILL), 0);
  while (ipc_pty_read(controller, text, sizeof text, PATIENCE) > 0) continue;
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.signal, SIGKILL);
  CHECK_EQUAL(ipc_child_close(child), 0);
  close(controller);

  setup = (ipc_child_setup_t){.directory = "/nowhere"};
  CHECK_FAILS(ipc_pty_spawn(&child, &controller, argv, NULL, &attr), -ENOENT, "directory /nowhere");
  CHECK_FAILS(ipc_pty_open(&controller, &terminal, &attr), -EINVAL, "ipc_pty_spawn");
  close(file);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
