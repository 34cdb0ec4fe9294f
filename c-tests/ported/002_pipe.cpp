/* Ports the program of "Pipes" of document 002: the parent writes, the child reads and prints.
 *
 * By hand: ./002_pipe
 */
#include <robustipc.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

static void require(bool fulfilled, const char *what) {
  if (fulfilled) return;
  std::fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  std::exit(1);
}

int main() {
  int read_fd, write_fd;
  require(ipc_pipe(&read_fd, &write_fd, 0) == 0, "pipe");

  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    close(write_fd);
    char text[100] = {};
    require(ipc_read_full(read_fd, text, sizeof text - 1, IPC_FOREVER) >= 0, "read");
    std::printf("Child received: %s\n", text);
    close(read_fd);
    return 0;
  }

  close(read_fd);
  const char *message = "Hello from parent!";
  auto length = static_cast<ssize_t>(std::strlen(message));
  require(ipc_write_full(write_fd, message, std::strlen(message), IPC_FOREVER) == length, "write");
  close(write_fd);
  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "child");
}
