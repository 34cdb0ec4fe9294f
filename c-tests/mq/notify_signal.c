/* Notification by signal: a program that receives until -EAGAIN on each signal gets every message, without asking
 * again. The signal brings its value. Standard and real-time signals. */
#include "mq.h"
#include <sys/signalfd.h>

#define MESSAGES 3000

static const char *name;

static void send_all(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, IPC_WRITE_ONLY);
  for (int i = 0; i < MESSAGES; i++) CHECK_EQUAL(ipc_mq_send(mq, &i, sizeof i, 0, PATIENCE), 0);
}

int main(void) {
  name = mq_name("signal");
  ipc_mq_t *mq = make_mq(name, 4, 0);
  const int signals[] = { SIGUSR1, SIGRTMIN + 1 };
  for (int i = 0; i < 2; i++) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signals[i]);
    CHECK_EQUAL(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    int context = 0;
    ipc_mq_notify_t how = { .kind = IPC_NOTIFY_SIGNAL, .signal = signals[i], .context = &context };
    CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
    pid_t child = start(send_all, NULL);
    for (int received = 0; received < MESSAGES;) {
      struct timespec patience = { .tv_sec = PATIENCE / SECOND };
      siginfo_t information;
      CHECK_EQUAL(sigtimedwait(&set, &information, &patience), signals[i]);
      CHECK_EQUAL(information.si_code, SI_QUEUE);
      CHECK_EQUAL(information.si_pid, getpid());
      CHECK(information.si_value.sival_ptr == &context);
      for (;;) {
        int buffer[SIZE / sizeof(int)];
        ssize_t result = ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0);
        if (result == -EAGAIN) break;
        CHECK_EQUAL(result, sizeof(int));
        CHECK_EQUAL(buffer[0], received++);
      }
    }
    FINISH(child);
    CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
    struct timespec now = { 0, 0 };
    while (sigtimedwait(&set, NULL, &now) > 0) {}
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
