/* With a signal handler every 100 microseconds in both processes, every message arrives once and in order. */
#include "mq.h"
#include <sys/time.h>

#define MESSAGES 20000

static const char *name;

static void storm(void) {
  handle_alarm(0);
  struct itimerval every = { { 0, 100 }, { 0, 100 } };
  CHECK_EQUAL(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void send_all(void *unused) {
  (void)unused;
  storm();
  ipc_mq_t *mq = join_mq(name, IPC_WRITE_ONLY);
  for (int number = 0; number < MESSAGES; number++) {
    int result;
    do result = ipc_mq_send(mq, &number, sizeof number, 0, PATIENCE);
    while (result == -EINTR);
    CHECK_EQUAL(result, 0);
  }
}

int main(void) {
  name = mq_name("storm");
  ipc_mq_t *mq = make_mq(name, 4, 0);
  pid_t child = start(send_all, NULL);
  storm();
  for (int number = 0; number < MESSAGES; number++) {
    int buffer[SIZE / sizeof(int)];
    ssize_t result;
    do result = ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE);
    while (result == -EINTR);
    CHECK_EQUAL(result, sizeof number);
    CHECK_EQUAL(buffer[0], number);
  }
  FINISH(child);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
