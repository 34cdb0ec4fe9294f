/* Moving from <mqueue.h>: the same work with both. Differences are in the comments; robustipc-porting(7) has the whole table. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <robustipc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int with_mq_open(void) {
  struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 32 };
  mqd_t queue = mq_open("/example-old", O_RDWR | O_CREAT, 0600, &attr);
  if (queue == (mqd_t)-1) return errno;
  if (mq_send(queue, "hello", 5, 3) != 0) return errno;
  char text[32];
  unsigned priority;
  struct timespec end; /* the wall clock: it steps when somebody sets the time */
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 1;
  ssize_t size = mq_timedreceive(queue, text, sizeof text, &priority, &end);
  if (size < 0) return errno;
  printf("mq_open:     %.*s with priority %u\n", (int)size, text, priority);
  mq_close(queue);
  return mq_unlink("/example-old") == 0 ? 0 : errno;
}

static int with_ipc_mq_open(void) {
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 32 };
  ipc_mq_t *queue;
  int result = ipc_mq_open(&queue, "/example-new", &attr, IPC_CREATE, 0600); /* the mode is exact: no umask */
  if (result < 0) return -result; /* ipc_last_error() says more than an errno */
  result = ipc_mq_send(queue, "hello", 5, 3, IPC_FOREVER);
  if (result < 0) return -result;
  char text[32];
  unsigned priority;
  ssize_t size = ipc_mq_receive(queue, text, sizeof text, &priority, 1000000000); /* ns, monotonic */
  if (size < 0) return (int)-size;
  printf("ipc_mq_open: %.*s with priority %u\n", (int)size, text, priority);
  ipc_mq_close(queue);
  return -ipc_mq_unlink("/example-new", 0);
}

int main(void) {
  int error = with_mq_open();
  /* A kernel without message queues, or a limit that is used up. */
  if (error != 0) printf("mq_open:     %s\n", strerror(error));
  return with_ipc_mq_open();
}
