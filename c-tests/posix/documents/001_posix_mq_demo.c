/* posix_mq_demo.c of document 001 ("Communication Facilities") as plain POSIX code: two messages of different size;
 * the one of higher priority comes first, and each receive gives exactly one.
 *
 * By hand: ./001_posix_mq_demo
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MSG 256
#define MAX_MSGS 10

static void check(long result, const char *what) {
  if (result != -1) return;
  perror(what);
  exit(EXIT_FAILURE);
}

int main(void) {
  struct mq_attr attr = { .mq_flags = 0, .mq_maxmsg = MAX_MSGS, .mq_msgsize = MAX_MSG, .mq_curmsgs = 0 };
  char send_buf1[] = "Message ONE";
  char send_buf2[] = "Message TWO -- longer content here";
  char recv_buf[MAX_MSG + 1];
  unsigned int priority;

  /* The document's name, and the process's number: the tests run side by side. */
  char name[64];
  snprintf(name, sizeof name, "/demo_mq-%d", (int)getpid());
  mqd_t mqd = mq_open(name, O_CREAT | O_RDWR, 0644, &attr);
  check(mqd, "mq_open");

  printf("[Sender] Sending message 1: \"%s\"\n", send_buf1);
  check(mq_send(mqd, send_buf1, strlen(send_buf1), 1), "mq_send");
  printf("[Sender] Sending message 2: \"%s\"\n", send_buf2);
  check(mq_send(mqd, send_buf2, strlen(send_buf2), 2), "mq_send");

  for (int i = 0; i < 2; i++) {
    ssize_t bytes = mq_receive(mqd, recv_buf, MAX_MSG, &priority);
    check(bytes, "mq_receive");
    recv_buf[bytes] = '\0';
    printf("[Receiver] Got message (prio=%u, %zd bytes): \"%s\"\n", priority, bytes, recv_buf);
  }

  check(mq_close(mqd), "mq_close");
  check(mq_unlink(name), "mq_unlink");
  return EXIT_SUCCESS;
}
