/* A program that cannot be executed is an error of the call, never a child: too many arguments, no permission, a circle of
 * links, a name that is too long, a missing or wrong file, a file that is open for writing. So is a stream that cannot be
 * opened. No process, descriptor or handle is left. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

static char directory[150];

static const char *inside(const char *name) {
  static char paths[4][200];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

static void refused(const char *program, int expected) {
  const char *const argv[] = { program, NULL };
  ipc_child_t *child = NULL;
  int before = open_descriptors();
  static const int flags[] = { 0, IPC_STDIN_PIPE | IPC_STDOUT_PIPE | IPC_STDERR_PIPE };
  for (int i = 0; i < 2; i++) {
    CHECK_FAILS(ipc_spawn(&child, argv, flags[i]), expected, "ipc_spawn");
    CHECK(child == NULL);
  }
  CHECK_EQUAL(open_descriptors(), before);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void stream_refused(const char *path, int is_output, int expected) {
  const char *const argv[] = { "true", NULL };
  ipc_child_t *child = NULL;
  int before = open_descriptors();
  ipc_spawn_attr_t attr = { .directory = NULL };
  ipc_stream_t *stream = is_output ? &attr.output : &attr.input;
  stream->kind = IPC_STREAM_FILE;
  stream->path = path;
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), expected, path);
  CHECK(child == NULL);
  CHECK_EQUAL(open_descriptors(), before);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void write_file(const char *path, const char *text, mode_t mode) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
  CHECK(chmod(path, mode) == 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it ends when a program cannot be run");
  const char *base = getenv("TMPDIR");
  snprintf(directory, sizeof directory, "%.100s/ripc-test-%d-run", base ? base : "/tmp", (int)getpid());
  CHECK(mkdir(directory, 0700) == 0);
  write_file(inside("plain"), "#!/bin/sh\n", 0600);
  write_file(inside("empty"), "", 0700);
  write_file(inside("garbage"), "\x7f" "ELF and no more", 0700);
  CHECK(symlink("loop", inside("loop")) == 0);

  refused(inside("plain"), -EACCES);
  refused(inside("garbage"), -ENOEXEC);
  refused(inside("missing"), -ENOENT);
  refused(inside("plain/below"), -ENOTDIR);
  refused(inside("loop"), -ELOOP);
  refused(directory, -EACCES);
  refused("no-such-program-anywhere", -ENOENT);
  static char longest[6000];
  memset(longest, 'n', sizeof longest - 1);
  longest[0] = '/';
  refused(longest, -ENAMETOOLONG);

  /* The kernel refuses to execute what is open for writing. */
  int file = open("/bin/true", O_RDONLY | O_CLOEXEC), copy = open(inside("copy"), O_RDWR | O_CREAT | O_CLOEXEC, 0700);
  CHECK(file >= 0 && copy >= 0);
  char bytes[4096];
  for (ssize_t length; (length = read(file, bytes, sizeof bytes)) > 0;) CHECK(write(copy, bytes, (size_t)length) == length);
  close(file);
  refused(inside("copy"), -ETXTBSY);
  close(copy);
  const char *const argv[] = { inside("copy"), NULL };
  ipc_child_t *child;
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_spawn(&child, argv, 0), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CHECK_EQUAL(ipc_child_close(child), 0);

  /* One argument may have 128 KiB. */
  char *huge = malloc(200000);
  CHECK(huge != NULL);
  memset(huge, 'x', 199999);
  huge[199999] = 0;
  const char *const too_much[] = { "true", huge, NULL };
  CHECK_EQUAL(ipc_spawn(&child, too_much, 0), -E2BIG);
  free(huge);

  stream_refused(inside("missing"), 0, -ENOENT);
  stream_refused(inside("plain/below"), 0, -ENOTDIR);
  stream_refused(inside("loop"), 0, -ELOOP);
  stream_refused(directory, 1, -EISDIR);
  CHECK(unlink(inside("plain")) == 0 && unlink(inside("empty")) == 0 && unlink(inside("garbage")) == 0);
  CHECK(unlink(inside("loop")) == 0 && unlink(inside("copy")) == 0 && rmdir(directory) == 0);
  return 0;
}
