/* Ports the row "Pseudoterminal" of document 001's table: the job of a terminal emulator or an SSH server. The program
 * starts another program that asks whether it has a terminal, types a line, and shows the other program's output.
 *
 * Run by hand: ./001_pseudoterminal
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the program when a call has failed. */
static ssize_t checked(ssize_t result) {
  if (result >= 0) return result;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

int main(void) {
  const char *argv[] = {
    "sh", "-c",
    "test -t 0 && echo 'standard input is a terminal'; stty size; "
    "stty -echo; echo 'your name?'; read name; echo \"hello, $name\"",
    NULL};
  ipc_pty_attr_t attr = {.rows = 40, .columns = 100};
  int controller, asked = 0;
  ipc_child_t *program;
  checked(ipc_pty_spawn(&program, &controller, argv, NULL, &attr));

  char output[1000] = "", buffer[100];
  ssize_t count;
  while ((count = checked(ipc_pty_read(controller, buffer, sizeof buffer, IPC_FOREVER))) > 0) {
    if (strlen(output) + (size_t)count >= sizeof output) return 1;
    strncat(output, buffer, (size_t)count);
    if (!asked && strstr(output, "your name?\r\n") != NULL) {
      asked = 1;
      if (write(controller, "terminal user\n", 14) != 14) return 1;
    }
  }
  /* A terminal ends its lines with two characters. */
  for (char *line = strtok(output, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) puts(line);

  ipc_child_exit_t how;
  checked(ipc_child_wait(program, &how, IPC_FOREVER));
  printf("the program has ended with status %d\n", how.code);
  close(controller);
  ipc_child_close(program);
  return 0;
}
