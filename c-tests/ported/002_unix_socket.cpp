// Ports "Unix Domain Sockets" of document 002: a stream server and its client in one program.
//
// Run by hand: ./002_unix_socket
//
// The original sleeps one second in the client and hopes that the server is ready by then. It also
// removes any file at the path. Here the client waits for the server itself, and the server replaces
// only the file of a dead socket.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <robustipc.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t second = 1000000000;

// Ends the program when a call has failed.
static ssize_t checked(ssize_t result) {
  if (result >= 0) return result;
  std::fprintf(stderr, "%s\n", ipc_last_error());
  std::exit(1);
}

static int client(const char *path) {
  int fd = static_cast<int>(checked(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, 20 * second)));

  const char *msg = "Hello from client!";
  checked(ipc_sock_send(fd, msg, std::strlen(msg), IPC_FOREVER));

  char buf[100];
  ssize_t n = checked(ipc_sock_recv(fd, buf, sizeof(buf) - 1, IPC_FOREVER));
  buf[n] = '\0';
  std::printf("Client received: %s\n", buf);
  close(fd);
  return 0;
}

int main() {
  std::string path = "/tmp/mysock." + std::to_string(getpid());

  pid_t child = fork();
  if (child < 0) {
    std::perror("fork");
    return 1;
  }
  if (child == 0) return client(path.c_str());

  int srv = static_cast<int>(checked(ipc_sock_listen(path.c_str(), IPC_SOCK_STREAM, 0, 0600)));
  int connection = static_cast<int>(checked(ipc_sock_accept(srv, 20 * second)));

  char buf[100];
  ssize_t n = checked(ipc_sock_recv(connection, buf, sizeof(buf) - 1, IPC_FOREVER));
  buf[n] = '\0';
  std::printf("Server received: %s\n", buf);
  std::fflush(stdout);

  const char *reply = "Hello from server!";
  checked(ipc_sock_send(connection, reply, std::strlen(reply), IPC_FOREVER));

  close(connection);
  checked(ipc_sock_unlink(path.c_str()));
  close(srv);
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
