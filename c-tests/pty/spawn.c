/* A program on a pseudoterminal of its own finds its controlling terminal, no other open descriptor, and no signal
 * ignored or blocked. Its output is read to the end. This test program is its own child. */
#include "sock.h"
#include <sys/ioctl.h>
#include <termios.h>

static volatile sig_atomic_t resized;

static void on_resize(int signal) {
  (void)signal;
  resized = 1;
}

/* The program on the terminal. */
static int child(const char *what) {
  if (strcmp(what, "look") == 0) {
    struct sigaction action;
    sigset_t blocked;
    CHECK(isatty(0) && isatty(1) && isatty(2));
    CHECK(getsid(0) == getpid());
    CHECK(tcgetpgrp(0) == getpid());
    CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, SIGUSR1));
    for (int fd = 3; fd < 200; fd++) CHECK(fcntl(fd, F_GETFD) < 0);
    unsigned short rows, columns;
    CHECK_EQUAL(ipc_pty_window_size(0, &rows, &columns), 0);
    int tty = open("/dev/tty", O_RDWR);
    CHECK(tty >= 0);
    dprintf(tty, "%d x %d, %s\n", rows, columns, getenv("GREETING") ? getenv("GREETING") : "no");
    return 3;
  }
  if (strcmp(what, "resize") == 0) {
    struct sigaction action = {.sa_handler = on_resize};
    sigset_t resize, before;
    sigemptyset(&resize);
    sigaddset(&resize, SIGWINCH);
    CHECK(sigprocmask(SIG_BLOCK, &resize, &before) == 0);
    CHECK(sigaction(SIGWINCH, &action, NULL) == 0);
    printf("ready\n");
    fflush(stdout);
    while (!resized) sigsuspend(&before);
    unsigned short rows, columns;
    CHECK_EQUAL(ipc_pty_window_size(0, &rows, &columns), 0);
    printf("%d x %d\n", rows, columns);
    return 0;
  }
  char byte; /* "wait": until the user hangs up, or the program is killed */
  while (read(0, &byte, 1) == 1) {}
  return 0;
}

static void read_line(int controller, char *line, size_t capacity) {
  size_t length = 0;
  do {
    CHECK(length + 1 < capacity);
    ssize_t count = ipc_pty_read(controller, line + length, 1, PATIENCE);
    CHECK_EQUAL(count, 1);
    length++;
  } while (line[length - 1] != '\n');
  line[length] = '\0';
}

static ipc_child_exit_t end_of(ipc_child_t *program) {
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(program, &how, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(program), 0);
  return how;
}

int main(int count, char **arguments) {
  if (count > 1) return child(arguments[1]);
  int before = open_descriptors();
  int controller;
  ipc_child_t *program;
  char line[200];

  /* Descriptors, signal masks and dispositions that the child must not inherit. */
  signal(SIGPIPE, SIG_IGN);
  sigset_t usr1, mask;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  CHECK(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
  int leaky = dup2(0, 100);

  ipc_pty_attr_t attr = {.rows = 11, .columns = 22};
  const char *look[] = {arguments[0], "look", NULL};
  const char *environment[] = {"GREETING=hello", NULL};
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, look, environment, &attr), 0);
  CHECK(is_close_on_exec(controller) && is_close_on_exec(ipc_child_fd(program)));
  read_line(controller, line, sizeof line);
  if (strcmp(line, "11 x 22, hello\r\n") != 0) test_failed(__FILE__, __LINE__, "%s", line);
  CHECK_EQUAL(ipc_pty_read(controller, line, sizeof line, PATIENCE), 0);
  ipc_child_exit_t how = end_of(program);
  CHECK(how.code == 3 && how.signal == 0);
  close(controller);

  /* This process's mask and dispositions are unchanged. Without envp the child has this process's environment. */
  CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
  CHECK(sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
  setenv("GREETING", "inherited", 1);
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, look, NULL, NULL), 0);
  read_line(controller, line, sizeof line);
  if (strcmp(line, "24 x 80, inherited\r\n") != 0) test_failed(__FILE__, __LINE__, "%s", line);
  end_of(program);
  close(controller);

  const char *resize[] = {arguments[0], "resize", NULL};
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, resize, NULL, NULL), 0);
  read_line(controller, line, sizeof line);
  CHECK(strcmp(line, "ready\r\n") == 0);
  CHECK_EQUAL(ipc_pty_set_window_size(controller, 33, 44), 0);
  read_line(controller, line, sizeof line);
  CHECK(strcmp(line, "33 x 44\r\n") == 0);
  end_of(program);
  close(controller);

  /* If the program is killed, the reader gets the end. If the user hangs up, the program gets SIGHUP. */
  const char *wait[] = {arguments[0], "wait", NULL};
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, wait, NULL, NULL), 0);
  CHECK_EQUAL(ipc_pty_read(controller, line, sizeof line, 0), -EAGAIN);
  CHECK_EQUAL(ipc_child_wait(program, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_child_stdout(program), -EBADF);
  CHECK(kill(ipc_child_pid(program), SIGKILL) == 0); /* valgrind has no pidfd_send_signal */
  CHECK_EQUAL(ipc_pty_read(controller, line, sizeof line, PATIENCE), 0);
  how = end_of(program);
  CHECK(how.code == -1 && how.signal == SIGKILL);
  close(controller);

  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, wait, NULL, NULL), 0);
  close(controller);
  how = end_of(program);
  CHECK(how.code == -1 && how.signal == SIGHUP);

  /* PATH is searched. If the program cannot be executed, the call fails, and no child is left. A directory in PATH that
   * this user may not search would make the failure EACCES. */
  CHECK_EQUAL(setenv("PATH", "/bin:/usr/bin", 1), 0);
  const char *from_path[] = {"true", NULL};
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, from_path, NULL, NULL), 0);
  CHECK_EQUAL(end_of(program).code, 0);
  close(controller);
  controller = 77;
  program = NULL;
  const char *missing[] = {"ripc-no-such-program", NULL};
  CHECK_FAILS(
    ipc_pty_spawn(&program, &controller, missing, NULL, NULL), -ENOENT, "ripc-no-such-program: cannot");
  const char *directory[] = {"/tmp", NULL};
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, directory, NULL, NULL), -EACCES);
  const char *empty[] = {"", NULL};
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, empty, NULL, NULL), -ENOENT);
  const char *none[] = {NULL};
  CHECK_FAILS(ipc_pty_spawn(&program, &controller, none, NULL, NULL), -EINVAL, "the arguments are empty");
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, NULL, NULL, NULL), -EINVAL);
  CHECK_EQUAL(ipc_pty_spawn(NULL, &controller, from_path, NULL, NULL), -EINVAL);
  CHECK_EQUAL(ipc_pty_spawn(&program, NULL, from_path, NULL, NULL), -EINVAL);
  CHECK(controller == 77 && program == NULL);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);

  /* This process ignores SIGCHLD, so it can wait for no child. */
  signal(SIGCHLD, SIG_IGN);
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, from_path, NULL, NULL), 0);
  struct pollfd ended = {.fd = ipc_child_fd(program), .events = POLLIN};
  CHECK_EQUAL(poll(&ended, 1, 20000), 1);
  close(controller);
  CHECK_EQUAL(ipc_child_close(program), 0);
  CHECK_EQUAL(ipc_pty_spawn(&program, &controller, missing, NULL, NULL), -ENOENT);
  close(leaky);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
