/* A client with IPC_SOCK_WAIT finds a server that starts later, restarts, or creates its directory first. A client
 * without the flag fails at once. */
#include "sock.h"

static const char *path;
static int type = IPC_SOCK_STREAM;

static void client(void *unused) {
  (void)unused;
  int fd = ipc_sock_connect(path, type, IPC_SOCK_WAIT, PATIENCE);
  CHECK(fd >= 0);
  CHECK(is_close_on_exec(fd) && !is_nonblocking(fd));
  CHECK_EQUAL(ipc_sock_send(fd, "x", 1, PATIENCE), 1);
}

static void served(int (*make_listener)(void)) {
  pid_t child = start(client, NULL);
  wait_until_asleep(child);
  int listener = make_listener();
  CHECK(listener >= 0);
  char byte = 0;
  if (type == IPC_SOCK_DATAGRAM) {
    CHECK_EQUAL(ipc_sock_recv(listener, &byte, 1, PATIENCE), 1);
  } else {
    int connection = ipc_sock_accept(listener, PATIENCE);
    CHECK(connection >= 0);
    CHECK_EQUAL(ipc_sock_recv(connection, &byte, 1, PATIENCE), 1);
    close(connection);
  }
  CHECK_EQUAL(byte, 'x');
  FINISH(child);
  if (path[0] != '@') CHECK_EQUAL(ipc_sock_unlink(path), 0);
  close(listener);
}

static int listen_with_library(void) {
  return ipc_sock_listen(path, type, 0, 0600);
}

/* The file exists before any process listens. */
static int listen_plainly(void) {
  int fd = bind_plainly(path, SOCK_STREAM);
  CHECK(listen(fd, 1) == 0);
  return fd;
}

static int listen_in_a_new_directory(void) {
  char directory[108];
  snprintf(directory, sizeof directory, "%s", path);
  *strrchr(directory, '/') = '\0';
  CHECK(mkdir(directory, 0700) == 0);
  return listen_with_library();
}

int main(void) {
  int before = open_descriptors();
  path = unique_path("sock");
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, PATIENCE), -ENOENT);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, 0), -EAGAIN);
  CHECK_FAILS(
    ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, 5 * MILLISECOND), -ETIMEDOUT,
    "no server came");
  served(listen_with_library);
  served(listen_plainly);
  type = IPC_SOCK_DATAGRAM;
  served(listen_with_library);
  type = IPC_SOCK_SEQPACKET;
  served(listen_with_library);
  type = IPC_SOCK_STREAM;

  leave_dead_socket(path);
  CHECK_FAILS(
    ipc_sock_connect(path, IPC_SOCK_STREAM, 0, PATIENCE), -ECONNREFUSED, "has no server");
  CHECK_EQUAL(
    ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, 5 * MILLISECOND), -ETIMEDOUT);
  served(listen_with_library);

  /* A server of another socket type is an error, and the client does not wait for another server. */
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_FAILS(
    ipc_sock_connect(path, IPC_SOCK_SEQPACKET, IPC_SOCK_WAIT, PATIENCE), -EPROTOTYPE,
    "another type");
  close(listener);

  const char *directory = unique_path("directory");
  char inside[108];
  snprintf(inside, sizeof inside, "%.90s/sock", directory);
  path = inside;
  served(listen_in_a_new_directory);

  char name[64];
  snprintf(name, sizeof name, "@ripc-test-%d", (int)getpid());
  path = name;
  served(listen_with_library);

  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_CREATE, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, -2), -EINVAL);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
