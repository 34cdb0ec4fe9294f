// Ports the message queue program of document 002 (src/ipc/posix-mqueue): a child sends a text, its parent
// receives it.
//
// By hand: ./002_mqueue
#include <robustipc.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static void check(long result, const char* what) {
  if (result >= 0) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main() {
  // The document's name, and the process's number: the tests run side by side.
  char mq_name[64];
  snprintf(mq_name, sizeof(mq_name), "/myqueue-%d", static_cast<int>(getpid()));
  ipc_mq_attr_t attr = {};
  attr.max_messages = 10;
  attr.message_size = 256;

  ipc_mq_t* mq = nullptr;
  check(ipc_mq_open(&mq, mq_name, &attr, IPC_KERNEL | IPC_CREATE, 0666), "open");

  const pid_t child = fork();
  if (child == -1) {
    perror("fork");
    return EXIT_FAILURE;
  }
  if (child == 0) {
    // Child: send message. The handle is the child's too.
    const char* msg = "Hello via message queue!";
    check(ipc_mq_send(mq, msg, strlen(msg) + 1, 1, IPC_FOREVER), "send");  // priority = 1
    check(ipc_mq_close(mq), "close");
    return EXIT_SUCCESS;
  }
  // Parent: wait and receive
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) {
    fprintf(stderr, "the child failed\n");
    check(ipc_mq_unlink(mq_name, IPC_KERNEL), "unlink");
    return EXIT_FAILURE;
  }
  char buf[256];
  unsigned prio;
  check(ipc_mq_receive(mq, buf, sizeof(buf), &prio, IPC_FOREVER), "receive");
  printf("Received (prio=%u): %s\n", prio, buf);
  check(ipc_mq_close(mq), "close");
  check(ipc_mq_unlink(mq_name, IPC_KERNEL), "unlink");
}
