/* A wait in send and receive ends with -EINTR when a signal handler has run, also when the
 * handler was installed with SA_RESTART, which the kernel's own calls would hide. */
#include "asleep.h"
#include "mq.h"

typedef struct {
  int is_sender, flags;
  int64_t timeout_ns;
} Case;

static const char *name;

static void wait_here(void *argument) {
  Case *how = argument;
  char buffer[SIZE];
  handle_alarm(how->flags);
  ipc_mq_t *mq = join_mq(name, 0);
  errno = 33;
  if (how->is_sender)
    CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, how->timeout_ns), -EINTR);
  else
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, how->timeout_ns), -EINTR);
  CHECK_EQUAL(errno, 33);
}

int main(void) {
  name = mq_name("interrupted");
  ipc_mq_t *mq = make_mq(name, 1, 0);
  for (int is_sender = 0; is_sender < 2; is_sender++) {
    if (is_sender) CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
    for (int restart = 0; restart < 2; restart++)
      for (int forever = 0; forever < 2; forever++) {
        Case how = { is_sender, restart ? SA_RESTART : 0, forever ? IPC_FOREVER : PATIENCE };
        pid_t child = start(wait_here, &how);
        wait_until_inside(child, WAIT_CALL);
        CHECK_EQUAL(interrupt_until_ended(child, SIGALRM), 0);
      }
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
