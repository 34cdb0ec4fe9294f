/* A file that is no socket is not replaced, not removed and not connected to. A path that no socket can have is refused
 * before anything is created. */
#include "sock.h"

static const char *path;

static void refused(void) {
  ino_t inode = inode_of(path);
  CHECK_FAILS(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EMEDIUMTYPE, "another kind");
  CHECK_FAILS(ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600), -EMEDIUMTYPE, path);
  CHECK_FAILS(ipc_sock_unlink(path), -EMEDIUMTYPE, "expected a socket");
  CHECK_EQUAL(inode_of(path), inode);
}

static char *path_of_length(size_t length) {
  static char text[128];
  int start = snprintf(text, sizeof text, "/tmp/ripc-test-%d-", (int)getpid());
  memset(text + start, 'x', length - (size_t)start);
  text[length] = '\0';
  return text;
}

int main(void) {
  int before = open_descriptors();
  path = unique_path("file");
  const char *target = unique_path("target");

  int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
  CHECK(file >= 0);
  close(file);
  refused();
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, PATIENCE), -EMEDIUMTYPE);
  CHECK(unlink(path) == 0);

  CHECK(mkfifo(path, 0600) == 0);
  refused();
  CHECK(unlink(path) == 0);

  CHECK(mkdir(path, 0700) == 0);
  refused();
  CHECK(rmdir(path) == 0);

  CHECK(symlink("/nonexistent/target", path) == 0);
  refused();
  CHECK(unlink(path) == 0);

  /* A link to a dead socket is refused too, because the file it leads to may belong to somebody else. */
  leave_dead_socket(target);
  CHECK(symlink(target, path) == 0);
  refused();
  CHECK(access(target, F_OK) == 0);

  CHECK_FAILS(ipc_sock_listen(NULL, IPC_SOCK_STREAM, 0, 0600), -EINVAL, "NULL");
  CHECK_FAILS(ipc_sock_listen("", IPC_SOCK_STREAM, 0, 0600), -EINVAL, "names nothing");
  CHECK_FAILS(ipc_sock_listen("@", IPC_SOCK_STREAM, 0, 0600), -EINVAL, "names nothing");
  CHECK_EQUAL(ipc_sock_listen(target, 9, 0, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen(target, IPC_SOCK_STREAM, IPC_SOCK_WAIT, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen("/nonexistent/a", IPC_SOCK_STREAM, 0, 0600), -ENOENT);
  CHECK_EQUAL(ipc_sock_listen("/dev/null/a", IPC_SOCK_STREAM, 0, 0600), -ENOTDIR);

  /* A path may have 107 bytes. With 108 it is an error, and not cut off. */
  const char *longest = path_of_length(107);
  int listener = ipc_sock_listen(longest, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  check_reachable(longest, listener, IPC_SOCK_STREAM);
  CHECK_EQUAL(ipc_sock_unlink(longest), 0);
  close(listener);
  const char *longer = path_of_length(108);
  CHECK_FAILS(
    ipc_sock_listen(longer, IPC_SOCK_STREAM, 0, 0600), -ENAMETOOLONG, "has 108 bytes");
  CHECK_EQUAL(ipc_sock_connect(longer, IPC_SOCK_STREAM, 0, 0), -ENAMETOOLONG);
  CHECK_EQUAL(ipc_sock_unlink(longer), -ENAMETOOLONG);
  CHECK_EQUAL(access(path_of_length(107), F_OK), -1);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
