/* Ports the row "Pseudoterminal" of document 001's table: what a terminal emulator or an SSH server does.
 * It starts a program that asks whether it has a terminal, types a line, and shows what the
 * program prints.
 *
 * Run by hand: ./001_pseudoterminal
 */
#include <poll.h>
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

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
  int controller, pidfd, asked = 0;
  checked(ipc_pty_spawn(&controller, &pidfd, argv, NULL, &attr));

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

  siginfo_t info;
  if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0) return 1;
  printf("the program has ended with status %d\n", info.si_status);
  close(controller);
  close(pidfd);
  return 0;
}
