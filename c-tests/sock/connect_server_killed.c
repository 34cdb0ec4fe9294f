/* The server is killed while one client waits for room in its backlog, and while one waits for an answer. Neither
 * client hangs. */
#include "sock.h"

static const char *path;

static void server(void *backlog) {
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0 && listen(listener, *(int *)backlog) == 0);
  raise(SIGSTOP);
}

static pid_t start_server(int backlog) {
  pid_t child = start(server, &backlog);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  return child;
}

static void refused(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, IPC_FOREVER), -ECONNREFUSED);
}

static void answered_by_the_end(void *unused) {
  (void)unused;
  char byte;
  int fd = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0);
  CHECK(fd >= 0);
  /* No process has accepted the connections, so the kernel closes those in the backlog. */
  ssize_t result = ipc_sock_recv(fd, &byte, 1, IPC_FOREVER);
  CHECK(result == 0 || result == -ECONNRESET);
  CHECK_EQUAL(ipc_sock_send(fd, "x", 1, IPC_FOREVER), -EPIPE);
}

int main(void) {
  path = unique_path("sock");
  pid_t server_process = start_server(0);
  int first = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0);
  CHECK(first >= 0);
  pid_t client = start(refused, NULL);
  wait_until_asleep(client);
  KILL(server_process);
  FINISH(client);

  server_process = start_server(5);
  client = start(answered_by_the_end, NULL);
  wait_until_asleep(client);
  KILL(server_process);
  FINISH(client);
  return 0;
}
