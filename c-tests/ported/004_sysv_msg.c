/* Ports the message queue example of document 004: a message of type 1 sent to a private queue and
 * received by that type.
 *
 * By hand: ./004_sysv_msg
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ssize_t check(ssize_t result) {
  if (result < 0) {
    fprintf(stderr, "%s\n", ipc_last_error());
    exit(1);
  }
  return result;
}

int main(void) {
  ipc_sysv_msg_t *queue;
  check(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0666));
  const char *text = "Hello";
  char received[100];
  long type;
  check(ipc_sysv_msg_send(queue, 1, text, strlen(text) + 1, IPC_FOREVER));
  ssize_t length = check(
    ipc_sysv_msg_receive(queue, &type, received, sizeof received, IPC_MSG_TYPE, 1, IPC_FOREVER));
  printf("type %ld, %zd bytes: %s\n", type, length, received);
  check(ipc_sysv_msg_remove(queue));
  check(ipc_sysv_msg_close(queue));
  return 0;
}
