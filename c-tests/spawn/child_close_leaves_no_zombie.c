/* Closing a handle does not kill the child. The zombie of the child is removed: at once if the child has ended,
 * otherwise by a later call. */
#include "streams.h"

/* Waits until a child has ended, without removing its zombie. */
static void wait_for_end(pid_t process) {
  siginfo_t info;
  CHECK_EQUAL(waitid(P_PID, (id_t)process, &info, WEXITED | WNOWAIT), 0);
}

int main(void) {
  int before = open_descriptors();
  ipc_child_t *child;
  const char *const quick[] = {"true", NULL}, *const cat[] = {"cat", NULL};
  CHECK_EQUAL(ipc_spawn(&child, quick, 0), 0);
  wait_for_end(ipc_child_pid(child));
  CHECK_EQUAL(ipc_child_close(child), 0);
  check_no_children();

  /* Three children that run on. Closing their input ends them. */
  pid_t processes[3];
  int inputs[3];
  for (int i = 0; i < 3; i++) {
    CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE), 0);
    processes[i] = ipc_child_pid(child);
    inputs[i] = fcntl(ipc_child_stdin(child), F_DUPFD_CLOEXEC, 0);
    CHECK_EQUAL(ipc_child_close(child), 0);
  }
  for (int i = 0; i < 3; i++) CHECK_EQUAL(kill(processes[i], 0), 0);
  close(inputs[1]);
  wait_for_end(processes[1]);
  CHECK_EQUAL(ipc_spawn(&child, quick, 0), 0);
  CHECK_EQUAL(kill(processes[1], 0), -1);
  CHECK_EQUAL(kill(processes[0], 0), 0);
  close(inputs[0]);
  close(inputs[2]);
  wait_for_end(processes[0]);
  wait_for_end(processes[2]);
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  check_no_children();
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
