/* Ports the row "Message: ... Datagram Socket" of document 001's table. Message boundaries are kept: each read gets
 * exactly one complete message, and consumes it.
 *
 * Run by hand: ./001_datagram_socket
 */
#include <errno.h>
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the program when a call has failed. */
static ssize_t checked(ssize_t result) {
  if (result >= 0) return result;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

int main(void) {
  static const char *const messages[] = {"first", "the second message", "third"};
  char path[64];
  snprintf(path, sizeof path, "/tmp/datagram.%d", (int)getpid());
  int receiver = (int)checked(ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600));

  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    int sender = (int)checked(ipc_sock_connect(path, IPC_SOCK_DATAGRAM, 0, IPC_FOREVER));
    for (int i = 0; i < 3; i++)
      checked(ipc_sock_send(sender, messages[i], strlen(messages[i]), IPC_FOREVER));
    close(sender);
    return 0;
  }
  char buffer[100];
  for (int i = 0; i < 3; i++) {
    ssize_t count = checked(ipc_sock_recv(receiver, buffer, sizeof buffer, IPC_FOREVER));
    printf("Received %zd bytes: %.*s\n", count, (int)count, buffer);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) return 1;
  if (ipc_sock_recv(receiver, buffer, sizeof buffer, 0) == -EAGAIN)
    printf("Nothing is left: each message was read once\n");
  checked(ipc_sock_unlink(path));
  close(receiver);
  return 0;
}
