/* Ports the program of "FIFOs (Named Pipes)" of document 002: the child writes into a FIFO, the parent reads and
 * prints.
 *
 * By hand: ./002_fifo; an argument names another FIFO than /tmp/myfifo.
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

int main(int argc, char **argv) {
  const char *fifo_path = argc > 1 ? argv[1] : "/tmp/myfifo";
  require(ipc_fifo_create(fifo_path, 0, 0666) >= 0, "create");

  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    int fd = ipc_fifo_open(fifo_path, IPC_WRITE_ONLY, IPC_FOREVER);
    require(fd >= 0, "open for writing");
    const char *message = "Hello via FIFO!";
    auto length = static_cast<ssize_t>(std::strlen(message));
    require(ipc_write_full(fd, message, std::strlen(message), IPC_FOREVER) == length, "write");
    close(fd);
    return 0;
  }

  int fd = ipc_fifo_open(fifo_path, IPC_READ_ONLY, IPC_FOREVER);
  require(fd >= 0, "open for reading");
  char text[100] = {};
  require(ipc_read_full(fd, text, sizeof text - 1, IPC_FOREVER) >= 0, "read");
  std::printf("Received: %s\n", text);
  close(fd);
  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "child");
  require(ipc_fifo_unlink(fifo_path) == 0, "unlink");
}
