/* The notification of document 000 ("Pipes & Shared Memory") as plain POSIX code: SIGUSR1 when a message arrives.
 * mq_notify() notifies once, so it is called again before the queue is emptied.
 *
 * By hand: ./000_mq_notify
 */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  int id;
  float value;
} SensorMsg;

static void check(long result, const char *what) {
  if (result != -1) return;
  perror(what);
  exit(EXIT_FAILURE);
}

int main(void) {
  char name[64];
  snprintf(name, sizeof name, "/sensor_queue-%d", (int)getpid());
  struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 128 };
  mqd_t mq = mq_open(name, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0644, &attr);
  check(mq, "mq_open");
  check(mq_unlink(name), "mq_unlink");

  /* Blocked, and waited for below: a handler could do little with a message. */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  check(sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask");
  struct sigevent sev = {
    .sigev_notify = SIGEV_SIGNAL,
    .sigev_signo = SIGUSR1,
  };
  check(mq_notify(mq, &sev), "mq_notify");

  for (int id = 1; id <= 3; id++) {
    SensorMsg msg = { .id = id, .value = 23.0f + 0.5f * (float)id };
    check(mq_send(mq, (char *)&msg, sizeof msg, 5), "mq_send");
    int signal;
    if (sigwait(&set, &signal) != 0) return EXIT_FAILURE;
    check(mq_notify(mq, &sev), "mq_notify");
    char buffer[128];
    unsigned prio;
    while (mq_receive(mq, buffer, sizeof buffer, &prio) == sizeof msg) {
      memcpy(&msg, buffer, sizeof msg);
      printf("SIGUSR1: ID=%d Val=%.1f prio=%u\n", msg.id, msg.value, prio);
    }
  }
  check(mq_close(mq), "mq_close");
  return EXIT_SUCCESS;
}
