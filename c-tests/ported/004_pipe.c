/* Ports "Pipes" of document 004: the parent writes "hello", the child reads it. The original prints nothing; here
 * the child says what it has read.
 *
 * By hand: ./004_pipe
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
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
    close(write_fd);
    char buffer[16];
    ssize_t length = ipc_read_full(read_fd, buffer, sizeof buffer, IPC_FOREVER);
    require(length >= 0, "read");
    printf("Child read: %.*s\n", (int)length, buffer);
    return 0;
  }
  close(read_fd);
  require(ipc_write_full(write_fd, "hello", 5, IPC_FOREVER) == 5, "write");
  close(write_fd);
  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "child");
  return 0;
}
