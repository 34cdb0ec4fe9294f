/* Ports the anonymous pipe of document 003: the child writes, the parent reads and prints.
 *
 * By hand: ./003_pipe
 */
#include <robustipc.h>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

static void require(bool fulfilled, const char *what) {
  if (fulfilled) return;
  std::cerr << what << ": " << ipc_last_error() << std::endl;
  std::exit(1);
}

int main() {
  int fds[2];
  require(ipc_pipe(&fds[0], &fds[1], 0) == 0, "pipe");
  pid_t id = fork();
  require(id >= 0, "fork");
  if (id == 0) {
    close(fds[0]);
    const char *msg = "hello from child";
    auto length = static_cast<ssize_t>(std::strlen(msg));
    require(ipc_write_full(fds[1], msg, std::strlen(msg), IPC_FOREVER) == length, "write");
    close(fds[1]);
    return 0;
  }
  close(fds[1]);
  char buffer[64] = {};
  ssize_t n = ipc_read_full(fds[0], buffer, sizeof buffer - 1, IPC_FOREVER);
  require(n >= 0, "read");
  if (n > 0) std::cout << buffer << std::endl;
  close(fds[0]);
  int status;
  require(waitpid(id, &status, 0) == id && status == 0, "child");
  return 0;
}
