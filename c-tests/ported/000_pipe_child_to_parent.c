/* Ports "Anonymous Pipes" of document 000: the child writes a greeting. The parent reads it to the end of the file and
 * prints it.
 *
 * By hand: ./000_pipe_child_to_parent
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(1);
}

int main(void) {
  int read_fd, write_fd;
  require(ipc_pipe(&read_fd, &write_fd, 0) == 0, "pipe");

  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    close(read_fd);
    const char *message = "Hello from child";
    ssize_t length = (ssize_t)strlen(message);
    require(ipc_write_full(write_fd, message, strlen(message), IPC_FOREVER) == length, "write");
    close(write_fd);
    return 0;
  }

  close(write_fd);
  char text[128] = {0};
  require(ipc_read_full(read_fd, text, sizeof text - 1, IPC_FOREVER) >= 0, "read");
  printf("Parent received: %s\n", text);
  close(read_fd);

  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "child");
  return 0;
}
