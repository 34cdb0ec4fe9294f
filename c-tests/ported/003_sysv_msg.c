/* Ports the prose of document 003 on System V message queues: structured messages with a type; a
 * receiver reads only the types it wants, instead of a byte stream in strict order.
 *
 * By hand: ./003_sysv_msg
 */
#include <errno.h>
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND = 1, TASK = 2, EVENT = 3 };

typedef struct {
  int number;
  char what[28];
} Item;

static ssize_t check(ssize_t result) {
  if (result < 0) {
    fprintf(stderr, "%s\n", ipc_last_error());
    exit(1);
  }
  return result;
}

static void receive(ipc_sysv_msg_t *queue, const char *how, int select, long wanted) {
  Item item;
  long type;
  ssize_t length = check(
    ipc_sysv_msg_receive(queue, &type, &item, sizeof item, select, wanted, IPC_FOREVER));
  if ((size_t)length != sizeof item) exit(1);
  printf("%s: type %ld, %s %d\n", how, type, item.what, item.number);
}

int main(void) {
  ipc_sysv_msg_t *queue;
  check(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600));

  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    Item items[] = {{1, "task"}, {1, "event"}, {2, "task"}, {1, "command"}, {3, "task"}};
    long types[] = {TASK, EVENT, TASK, COMMAND, TASK};
    for (int i = 0; i < 5; i++)
      check(ipc_sysv_msg_send(queue, types[i], &items[i], sizeof items[i], IPC_FOREVER));
    return 0;
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) return 1;

  receive(queue, "exactly type 3", IPC_MSG_TYPE, EVENT);
  receive(queue, "lowest up to 2", IPC_MSG_UP_TO, TASK);
  receive(queue, "all but type 1", IPC_MSG_EXCEPT, COMMAND);
  receive(queue, "any", IPC_MSG_ANY, 0);
  receive(queue, "any", IPC_MSG_ANY, 0);
  Item item;
  if (ipc_sysv_msg_receive(queue, NULL, &item, sizeof item, IPC_MSG_ANY, 0, 0) == -EAGAIN)
    printf("the queue is empty: reading is destructive\n");
  check(ipc_sysv_msg_remove(queue));
  check(ipc_sysv_msg_close(queue));
  return 0;
}
