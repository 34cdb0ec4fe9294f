/* For tests of sockets and terminals: paths that are cleaned up, and what their files are like. */
#ifndef SOCK_H
#define SOCK_H

#include "test.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char sock_paths[16][108];
static int sock_path_count;
static pid_t sock_pid;

static inline void sock_remove_paths(void) {
  if (getpid() != sock_pid) return;
  for (int i = 0; i < sock_path_count; i++)
    if (unlink(sock_paths[i]) < 0) rmdir(sock_paths[i]);
}

/* A path that no other running test has. The test's end removes the file there. */
__attribute__((unused)) static const char *unique_path(const char *suffix) {
  if (sock_path_count == 0) {
    sock_pid = getpid();
    atexit(sock_remove_paths);
  }
  CHECK(sock_path_count < 16);
  char *path = sock_paths[sock_path_count++];
  const char *base = getenv("TMPDIR");
  snprintf(path, sizeof sock_paths[0], "%.30s/ripc-test-%d-%s", base ? base : "/tmp", (int)getpid(), suffix);
  return path;
}

__attribute__((unused)) static bool is_close_on_exec(int fd) {
  int flags = fcntl(fd, F_GETFD);
  CHECK(flags >= 0);
  return (flags & FD_CLOEXEC) != 0;
}

__attribute__((unused)) static bool is_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  CHECK(flags >= 0);
  return (flags & O_NONBLOCK) != 0;
}

/* A bound socket of this type, made without the library. */
__attribute__((unused)) static int bind_plainly(const char *path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  return fd;
}

__attribute__((unused)) static ino_t inode_of(const char *path) {
  struct stat status;
  CHECK(lstat(path, &status) == 0);
  return status.st_ino;
}

__attribute__((unused)) static mode_t mode_of(const char *path) {
  struct stat status;
  CHECK(lstat(path, &status) == 0);
  return status.st_mode & 07777;
}

static inline void sock_listen_and_stop(void *path) {
  CHECK(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600) >= 0);
  raise(SIGSTOP);
}

/* Leaves the file of a socket whose process was killed. */
__attribute__((unused)) static void leave_dead_socket(const char *path) {
  pid_t child = start(sock_listen_and_stop, (void *)path);
  int status;
  CHECK(waitpid(child, &status, WUNTRACED) == child);
  CHECK(WIFSTOPPED(status));
  KILL(child);
  CHECK(access(path, F_OK) == 0);
}

/* Checks that a client reaches the server by this name: they exchange a byte each way. */
__attribute__((unused)) static void check_reachable(const char *path, int listener, int type) {
  char byte = 0;
  int client = ipc_sock_connect(path, type, 0, PATIENCE);
  CHECK(client >= 0);
  int server = listener;
  if (type != IPC_SOCK_DATAGRAM) {
    server = ipc_sock_accept(listener, PATIENCE);
    CHECK(server >= 0);
  }
  CHECK_EQUAL(ipc_sock_send(client, "a", 1, PATIENCE), 1);
  CHECK_EQUAL(ipc_sock_recv(server, &byte, 1, PATIENCE), 1);
  CHECK_EQUAL(byte, 'a');
  if (type != IPC_SOCK_DATAGRAM) {
    CHECK_EQUAL(ipc_sock_send(server, "b", 1, PATIENCE), 1);
    CHECK_EQUAL(ipc_sock_recv(client, &byte, 1, PATIENCE), 1);
    CHECK_EQUAL(byte, 'b');
    close(server);
  }
  close(client);
}

#endif
