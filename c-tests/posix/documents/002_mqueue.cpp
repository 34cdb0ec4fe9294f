// The message queue program of document 002 (src/ipc/posix-mqueue) as plain POSIX code: a child sends a text, its
// parent receives it.
//
// By hand: ./002_mqueue
#include <fcntl.h>
#include <mqueue.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static void check(long result, const char* what) {
  if (result != -1) return;
  perror(what);
  exit(EXIT_FAILURE);
}

int main() {
  // The document's name, and the process's number: the tests run side by side.
  char mq_name[64];
  snprintf(mq_name, sizeof(mq_name), "/myqueue-%d", static_cast<int>(getpid()));
  struct mq_attr attr = {};
  attr.mq_maxmsg = 10;
  attr.mq_msgsize = 256;

  const mqd_t mq = mq_open(mq_name, O_CREAT | O_RDWR, 0666, &attr);
  check(mq, "mq_open");

  const pid_t child = fork();
  check(child, "fork");
  if (child == 0) {
    // Child: send message
    const char* msg = "Hello via message queue!";
    check(mq_send(mq, msg, strlen(msg) + 1, 1), "mq_send");  // priority = 1
    check(mq_close(mq), "mq_close");
    return EXIT_SUCCESS;
  }
  // Parent: receive message
  int status = 0;
  check(wait(&status), "wait");
  char buf[256];
  unsigned int prio;
  if (status == 0) check(mq_receive(mq, buf, sizeof(buf), &prio), "mq_receive");
  check(mq_close(mq), "mq_close");
  check(mq_unlink(mq_name), "mq_unlink");
  if (status != 0) return EXIT_FAILURE;
  printf("Received (prio=%u): %s\n", prio, buf);
}
