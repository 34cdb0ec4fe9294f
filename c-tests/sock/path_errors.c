/* The faults of a socket's path are the errors of listening and connecting, and nothing is made or removed. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

static void refused(const char *path, int listening, int connecting) {
  struct stat before = { 0 }, after = { 0 };
  int existed = lstat(path, &before) == 0, descriptors = open_descriptors();
  for (int type = IPC_SOCK_STREAM; type <= IPC_SOCK_SEQPACKET; type++) {
    CHECK_EQUAL(ipc_sock_listen(path, type, 0, 0600), listening);
    CHECK_EQUAL(ipc_sock_connect(path, type, 0, 0), connecting);
  }
  CHECK_EQUAL(lstat(path, &after) == 0, existed);
  CHECK(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
  CHECK_EQUAL(open_descriptors(), descriptors);
}

int main(void) {
  const char *base = getenv("TMPDIR");
  char directory[80], path[200], longest[120];
  snprintf(directory, sizeof directory, "%.40s/ripc-test-%d", base ? base : "/tmp", (int)getpid());
  CHECK(mkdir(directory, 0700) == 0);
  snprintf(path, sizeof path, "%s/file", directory);
  int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file >= 0 && close(file) == 0);
  refused(path, -EMEDIUMTYPE, -EMEDIUMTYPE);
  snprintf(path, sizeof path, "%s/file/below", directory);
  refused(path, -ENOTDIR, -ENOTDIR);
  snprintf(path, sizeof path, "%s/none/below", directory);
  refused(path, -ENOENT, -ENOENT);
  snprintf(path, sizeof path, "%s/none", directory);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -ENOENT);
  char loop[100];
  snprintf(loop, sizeof loop, "%s/loop", directory);
  CHECK(symlink("loop", loop) == 0);
  snprintf(path, sizeof path, "%s/loop/below", directory);
  refused(path, -ELOOP, -ELOOP);
  memset(longest, 'n', sizeof longest - 1);
  memcpy(longest, "/tmp/", 5);
  longest[108] = 0;
  refused(longest, -ENAMETOOLONG, -ENAMETOOLONG);
  CHECK_EQUAL(ipc_sock_listen("", IPC_SOCK_STREAM, 0, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen(NULL, IPC_SOCK_STREAM, 0, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sock_connect(NULL, IPC_SOCK_STREAM, 0, 0), -EINVAL);
  CHECK(unlink(loop) == 0);
  snprintf(path, sizeof path, "%s/file", directory);
  CHECK(unlink(path) == 0 && rmdir(directory) == 0);
  return 0;
}
