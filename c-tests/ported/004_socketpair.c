/* Ports the mention of socketpair in document 004's table ("Direction: uni, or bi for
 * socketpair"): one pair carries messages both ways between parent and child.
 *
 * Run by hand: ./004_socketpair
 */
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
  int parents, childs, status;
  char buffer[100];
  checked(ipc_sock_pair(&parents, &childs, IPC_SOCK_STREAM, 0));
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    close(parents);
    ssize_t count = checked(ipc_sock_recv(childs, buffer, sizeof buffer, IPC_FOREVER));
    printf("Child received: %.*s\n", (int)count, buffer);
    fflush(stdout);
    checked(ipc_sock_send(childs, "Hello back from child", 21, IPC_FOREVER));
    close(childs);
    return 0;
  }
  close(childs);
  checked(ipc_sock_send(parents, "Hello from parent", 17, IPC_FOREVER));
  ssize_t count = checked(ipc_sock_recv(parents, buffer, sizeof buffer, IPC_FOREVER));
  printf("Parent received: %.*s\n", (int)count, buffer);
  close(parents);
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
