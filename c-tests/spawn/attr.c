/* A child's streams lead to a file, to the end of a file, to a descriptor or to /dev/null, or standard error leads to
 * standard output. The child has the given environment and directory. */
#include "streams.h"

static void run(const char *script, int flags, const ipc_spawn_attr_t *attr) {
  const char *const argv[] = {"/bin/sh", "-c", script, NULL};
  ipc_child_t *child;
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, flags, attr), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

static void check_file(const char *path, const char *expected) {
  char text[256] = {0};
  int file = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0);
  CHECK(ipc_read_full(file, text, sizeof text - 1, IPC_FOREVER) >= 0);
  close(file);
  if (strcmp(text, expected) != 0) test_failed(__FILE__, __LINE__, "\"%s\" != \"%s\"", text, expected);
}

int main(void) {
  int before = open_descriptors();
  const char *path = test_path("out"), *other = test_path("err");

  ipc_spawn_attr_t attr = {.output = {.kind = IPC_STREAM_FILE, .path = path}};
  run("echo a long first line", 0, &attr);
  run("echo one", 0, &attr);
  check_file(path, "one\n");
  attr.output.kind = IPC_STREAM_APPEND;
  run("echo two", 0, &attr);
  check_file(path, "one\ntwo\n");

  /* The child reads from one file, and writes output and errors to another. */
  attr = (ipc_spawn_attr_t){
    .input = {.kind = IPC_STREAM_FILE, .path = path},
    .output = {.kind = IPC_STREAM_FILE, .path = other},
    .error = {.kind = IPC_STREAM_MERGE}};
  run("cat; echo three >&2", 0, &attr);
  check_file(other, "one\ntwo\nthree\n");

  int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  attr = (ipc_spawn_attr_t){
    .input = {.kind = IPC_STREAM_NULL},
    .output = {.kind = IPC_STREAM_FD, .fd = file},
    .error = {.kind = IPC_STREAM_NULL}};
  run("cat; echo noise >&2; echo end", 0, &attr);
  check_file(path, "end\n");

  /* The child's output goes to descriptor 2 of this process, which is also the number of the child's standard error. The
   * errors go to the file. Neither setting may overwrite the other. */
  attr = (ipc_spawn_attr_t){
    .output = {.kind = IPC_STREAM_FD, .fd = 2}, .error = {.kind = IPC_STREAM_FD, .fd = file}};
  run("echo error >&2", 0, &attr);
  check_file(path, "end\nerror\n");
  close(file);

  const char *const environment[] = {"COLOUR=green", "PATH=/nowhere", NULL};
  attr = (ipc_spawn_attr_t){
    .output = {.kind = IPC_STREAM_FILE, .path = path},
    .environment = environment,
    .directory = test_directory};
  run("echo $COLOUR $HOME; pwd", 0, &attr);
  char expected[128];
  snprintf(expected, sizeof expected, "green\n%s\n", test_directory);
  check_file(path, expected);

  /* With a flag and a struct for one stream, the flag's pipe is used. Then impossible settings. */
  const char *const argv[] = {"true", NULL};
  ipc_child_t *child = (ipc_child_t *)1;
  attr = (ipc_spawn_attr_t){.error = {.kind = IPC_STREAM_MERGE}};
  const char *const speak[] = {"sh", "-c", "echo x >&2", NULL};
  CHECK_EQUAL(ipc_spawn_with(&child, speak, IPC_STDOUT_PIPE, &attr), 0);
  char text[8] = {0};
  CHECK_EQUAL(ipc_read_full(ipc_child_stdout(child), text, sizeof text, PATIENCE), 2);
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);

  child = (ipc_child_t *)1;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, IPC_STDERR_PIPE, &attr), -EINVAL);
  attr = (ipc_spawn_attr_t){.input = {.kind = IPC_STREAM_MERGE}};
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL, "cannot be of kind 6");
  attr = (ipc_spawn_attr_t){.input = {.kind = 99}};
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL);
  attr = (ipc_spawn_attr_t){.reserved = {0, 0, 1}};
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL, "reserved");
  attr = (ipc_spawn_attr_t){.output = {.kind = IPC_STREAM_FILE}};
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL, "path is NULL");
  attr = (ipc_spawn_attr_t){.output = {.kind = IPC_STREAM_FILE, .path = "/nowhere/file"}};
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -ENOENT, "/nowhere/file");
  attr = (ipc_spawn_attr_t){.output = {.kind = IPC_STREAM_FD, .fd = -1}};
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -EBADF, "descriptor -1");
  attr = (ipc_spawn_attr_t){.directory = "/nowhere"};
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -ENOENT, "the directory /nowhere");
  CHECK(child == (ipc_child_t *)1);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
