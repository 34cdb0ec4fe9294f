/* Ports posix_mq_demo.c of document 001 ("Communication Facilities"): two messages of different size; the one
 * of higher priority comes first, and each receive gives exactly one.
 *
 * By hand: ./001_posix_mq_demo
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_MSG 256
#define MAX_MSGS 10

static void check(long result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main(void) {
  char send_buf1[] = "Message ONE";
  char send_buf2[] = "Message TWO -- longer content here";
  char recv_buf[MAX_MSG + 1];
  unsigned priority;

  /* The document's name, and the process's number: the tests run side by side. */
  char name[64];
  snprintf(name, sizeof name, "/demo_mq-%d", (int)getpid());
  const ipc_mq_attr_t attr = { .max_messages = MAX_MSGS, .message_size = MAX_MSG };
  ipc_mq_t *mq;
  check(ipc_mq_open(&mq, name, &attr, IPC_KERNEL | IPC_CREATE, 0644), "ipc_mq_open");

  printf("[Sender] Sending message 1: \"%s\"\n", send_buf1);
  check(ipc_mq_send(mq, send_buf1, strlen(send_buf1), 1, IPC_FOREVER), "ipc_mq_send");
  printf("[Sender] Sending message 2: \"%s\"\n", send_buf2);
  check(ipc_mq_send(mq, send_buf2, strlen(send_buf2), 2, IPC_FOREVER), "ipc_mq_send");

  for (int i = 0; i < 2; i++) {
    ssize_t bytes = ipc_mq_receive(mq, recv_buf, MAX_MSG, &priority, IPC_FOREVER);
    check(bytes, "ipc_mq_receive");
    recv_buf[bytes] = '\0';
    printf("[Receiver] Got message (prio=%u, %zd bytes): \"%s\"\n", priority, bytes, recv_buf);
  }

  check(ipc_mq_close(mq), "ipc_mq_close");
  check(ipc_mq_unlink(name, IPC_KERNEL), "ipc_mq_unlink");
  return EXIT_SUCCESS;
}
