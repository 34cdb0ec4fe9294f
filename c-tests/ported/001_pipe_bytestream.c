/* Ports pipe_bytestream.c of document 001: the parent writes a string, the child reads it. A pipe is a stream of
 * bytes: the parent writes in two pieces, as the document's note has it, and the child gets them as one.
 *
 * By hand: ./001_pipe_bytestream
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
  exit(EXIT_FAILURE);
}

int main(void) {
  const char write_msg[] = "Hello from parent via pipe!";
  int read_fd, write_fd;
  require(ipc_pipe(&read_fd, &write_fd, 0) == 0, "pipe");

  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    close(write_fd);
    char read_buf[128];
    ssize_t bytes_read = ipc_read_full(read_fd, read_buf, sizeof read_buf - 1, IPC_FOREVER);
    require(bytes_read >= 0, "read");
    read_buf[bytes_read] = '\0';
    printf("[Child] Read %zd bytes: \"%s\"\n", bytes_read, read_buf);
    close(read_fd);
    return EXIT_SUCCESS;
  }

  close(read_fd);
  printf("[Parent] Writing: \"%s\"\n", write_msg);
  fflush(stdout); /* before the child prints */
  size_t half = strlen(write_msg) / 2, rest = strlen(write_msg) - half;
  require(ipc_write_full(write_fd, write_msg, half, IPC_FOREVER) == (ssize_t)half, "write");
  require(ipc_write_full(write_fd, write_msg + half, rest, IPC_FOREVER) == (ssize_t)rest, "write");
  close(write_fd); /* the end of the file for the reader */

  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "child");
  printf("[Parent] Done.\n");
  return 0;
}
