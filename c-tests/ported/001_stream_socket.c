/* Ports the row "Byte Stream: ... Stream Socket" of document 001's table. There are no message boundaries, and bytes
 * that were read are gone.
 *
 * Run by hand: ./001_stream_socket
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the program when a call has failed. */
static ssize_t checked(ssize_t result) {
  if (result >= 0) return result;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

int main(void) {
  int writer, reader, status;
  checked(ipc_sock_pair(&writer, &reader, IPC_SOCK_STREAM, 0));
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    close(reader);
    checked(ipc_sock_send(writer, "Hello ", 6, IPC_FOREVER));
    checked(ipc_sock_send(writer, "from ", 5, IPC_FOREVER));
    checked(ipc_sock_send(writer, "process A", 9, IPC_FOREVER));
    return 0;
  }
  close(writer);
  if (waitpid(child, &status, 0) != child || status != 0) return 1;

  /* Three sends, one receive. */
  char buffer[100];
  ssize_t count = checked(ipc_sock_recv(reader, buffer, sizeof buffer, IPC_FOREVER));
  printf("Received %zd bytes: %.*s\n", count, (int)count, buffer);
  /* A second read finds nothing, because reading consumes bytes and the writer has closed. */
  count = checked(ipc_sock_recv(reader, buffer, sizeof buffer, IPC_FOREVER));
  printf("Received %zd bytes: end of file\n", count);
  close(reader);
  return 0;
}
