/* If a program cannot be executed, ipc_spawn() itself returns the error. There is then no exit status, no child, no
 * zombie and no descriptor. */
#include "streams.h"

int main(void) {
  const char *script = test_path("script"), *data = test_path("data");
  int file = open(script, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  CHECK_EQUAL(ipc_write_full(file, "exit 0\n", 7, IPC_FOREVER), 7);
  CHECK_EQUAL(fchmod(file, 0700), 0);
  close(file);
  file = open(data, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  close(file);
  int before = open_descriptors();

  const int all = IPC_STDIN_PIPE | IPC_STDOUT_PIPE | IPC_STDERR_PIPE;
  static const char *const none[] = {NULL};
  const struct {
    const char *name;
    int result;
    const char *text;
  } cases[] = {
    {"/nowhere/program", -ENOENT, "/nowhere/program: cannot be executed"},
    {"no-such-program-anywhere", -ENOENT, "no-such-program-anywhere"},
    {"", -ENOENT, "cannot be executed"},
    {"/dev/null/x", -ENOTDIR, "/dev/null/x"},
    {"/", -EACCES, "cannot be executed"},
    {data, -EACCES, "cannot be executed"},
    /* A text file without #! is not passed to a shell. */
    {script, -ENOEXEC, "cannot be executed"},
  };
  /* A directory in PATH that this user may not search would make the failure EACCES. */
  CHECK_EQUAL(setenv("PATH", "/bin:/usr/bin", 1), 0);
  ipc_child_t *child = (ipc_child_t *)1;
  for (size_t i = 0; i < LENGTH(cases); i++) {
    const char *const argv[] = {cases[i].name, NULL};
    CHECK_FAILS(ipc_spawn(&child, argv, all), cases[i].result, cases[i].text);
    check_no_children();
  }
  CHECK_FAILS(ipc_spawn(&child, none, 0), -EINVAL, "expected a program's name");
  CHECK_FAILS(ipc_spawn(&child, NULL, 0), -EINVAL, "argv is NULL");
  const char *const argv[] = {"true", NULL};
  CHECK_FAILS(ipc_spawn(NULL, argv, 0), -EINVAL, "out is NULL");
  CHECK_FAILS(ipc_spawn(&child, argv, IPC_CREATE), -EINVAL, "no meaning");

  /* The table of descriptors becomes full at every step. Valgrind does not support a clone() that fails. */
  struct rlimit limit, tight;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  int lowest = dup(0);
  close(lowest);
  for (int room = is_under_valgrind() ? 64 : 0;; room++) {
    tight = limit;
    tight.rlim_cur = (rlim_t)(lowest + room);
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int result = ipc_spawn(&child, argv, all);
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (result == 0) break;
    CHECK_EQUAL(result, -EMFILE);
    CHECK(child == (ipc_child_t *)1);
    CHECK_EQUAL(open_descriptors(), before);
    check_no_children();
  }
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
