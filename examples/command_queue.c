/* Commands from one process to another. Urgent commands overtake the others, and a full queue slows the sender down. */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  enum { MOVE, STOP, QUIT } what;
  int32_t distance;
} Command;

static void check(long result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static void control(void) {
  ipc_mq_t *queue;
  check(ipc_mq_open(&queue, "/example-commands", NULL, IPC_READ_ONLY, 0));
  Command command;
  unsigned priority;
  do {
    check(ipc_mq_receive(queue, &command, sizeof command, &priority, IPC_FOREVER));
    printf("command %d with priority %u\n", command.what, priority);
  } while (command.what != QUIT);
  check(ipc_mq_close(queue));
}

int main(void) {
  ipc_mq_attr_t attr = { .max_messages = 8, .message_size = sizeof(Command) };
  ipc_mq_t *queue;
  check(ipc_mq_open(&queue, "/example-commands", &attr, IPC_CREATE, 0600));
  Command move = { .what = MOVE, .distance = 100 }, stop = { .what = STOP }, quit = { .what = QUIT };
  check(ipc_mq_send(queue, &quit, sizeof quit, 0, IPC_FOREVER));
  check(ipc_mq_send(queue, &move, sizeof move, 1, IPC_FOREVER));
  check(ipc_mq_send(queue, &stop, sizeof stop, 9, IPC_FOREVER));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    control();
    exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  check(ipc_mq_close(queue));
  check(ipc_mq_unlink("/example-commands", 0));
  return status != 0;
}
