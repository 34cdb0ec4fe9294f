/* Ports "Pipe as stdin/stdout for a Child Process" of document 000: ls -la runs with its output on a pipe.
 * The original reads once, at most 4096 bytes; this one reads to the end and prints what it has read.
 *
 * By hand: ./000_ls_output; it prints what ls -la prints.
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(1);
}

int main(void) {
  const char *const command[] = {"ls", "-la", NULL};
  ipc_child_t *child;
  require(ipc_spawn(&child, command, IPC_STDOUT_PIPE) == 0, "ls");

  char text[4096];
  ssize_t length;
  do {
    length = ipc_read_full(ipc_child_stdout(child), text, sizeof text, IPC_FOREVER);
    require(length >= 0, "read");
    require(fwrite(text, 1, (size_t)length, stdout) == (size_t)length, "print");
  } while (length == (ssize_t)sizeof text);

  ipc_child_exit_t how;
  require(ipc_child_wait(child, &how, IPC_FOREVER) == 0, "wait");
  require(ipc_child_close(child) == 0, "close");
  return how.code;
}
