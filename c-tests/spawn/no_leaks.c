/* A child has its three standard streams and no other descriptor of this process. Its signals have their default
 * actions and are not blocked. IPC_INHERIT passes on the descriptors that are not close-on-exec. */
#include "streams.h"

/* Runs this program again as the child, which prints what it finds. */
static int report(void) {
  for (int fd = 0; fd < 1024; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  }
  sigset_t mask;
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
  for (int number = 1; number < 32; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) printf("s%d ", number);
    if (sigismember(&mask, number)) printf("m%d ", number);
  }
  return 0;
}

static void on_signal(int number) { (void)number; }

static void check(const char *program, int flags, const char *expected) {
  ipc_child_t *child;
  const char *const argv[] = {program, "report", NULL};
  CHECK_EQUAL(ipc_spawn(&child, argv, flags | IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
  char text[256] = {0};
  CHECK(ipc_read_full(ipc_child_stdout(child), text, sizeof text - 1, PATIENCE) > 0);
  if (strcmp(text, expected) != 0) test_failed(__FILE__, __LINE__, "\"%s\" != \"%s\"", text, expected);
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

int main(int argc, char **argv) {
  if (argc > 1) return strcmp(argv[1], "report") == 0 ? report() : 1;
  for (int fd = 3; fd < 1024; fd++) close(fd);
  CHECK_EQUAL(dup2(2, 100), 100); /* not close-on-exec, as other code may leave them */
  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], IPC_INHERIT), 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, on_signal);
  sigset_t mask, now;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  CHECK_EQUAL(sigprocmask(SIG_SETMASK, &mask, NULL), 0);

  check(argv[0], 0, "0 1 2 ");
  char expected[64];
  snprintf(expected, sizeof expected, "0 1 2 %d %d 100 ", ends[0], ends[1]);
  check(argv[0], IPC_INHERIT, expected);

  /* None of these calls has changed this process. */
  struct sigaction action;
  CHECK_EQUAL(sigaction(SIGUSR1, NULL, &action), 0);
  CHECK(action.sa_handler == on_signal);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, NULL, &now), 0);
  CHECK(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGUSR1) == 0);
  CHECK_EQUAL(fcntl(100, F_GETFD), 0);

  /* A process without standard streams: the pipes get the numbers of the standard streams, and the child still has the
   * right ones. */
  fflush(NULL);
  int kept = fcntl(2, F_DUPFD_CLOEXEC, 50);
  close(0);
  close(1);
  check(argv[0], 0, "0 1 2 ");
  close(2);
  ipc_child_t *child;
  const char *const cat[] = {"cat", NULL};
  CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE | IPC_STDOUT_PIPE | IPC_STDERR_PIPE), 0);
  char byte = 0;
  CHECK_EQUAL(ipc_write_full(ipc_child_stdin(child), "x", 1, PATIENCE), 1);
  CHECK_EQUAL(ipc_child_close_stdin(child), 0);
  CHECK_EQUAL(ipc_read_full(ipc_child_stdout(child), &byte, 1, PATIENCE), 1);
  CHECK_EQUAL(byte, 'x');
  CHECK_EQUAL(ipc_read_full(ipc_child_stderr(child), &byte, 1, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  dup2(kept, 2);
  check_no_children();
  return 0;
}
