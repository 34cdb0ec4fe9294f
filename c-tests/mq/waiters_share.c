/* Of several sleeping receivers, one gets the message and the others continue to sleep. Of several sleeping senders,
 * one gets the free slot. */
#include "mq.h"

#define WAITERS 3
#define ROUNDS (is_under_valgrind() ? 5 : 20)

static const char *name;

static void receive(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, IPC_READ_ONLY);
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE), 1);
}

static void send_it(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, IPC_WRITE_ONLY);
  CHECK_EQUAL(ipc_mq_send(mq, "s", 1, 0, IPC_FOREVER), 0);
}

int main(void) {
  name = mq_name("share");
  ipc_mq_t *mq = make_mq(name, 1, 0);
  char buffer[SIZE];
  for (int round = 0; round < ROUNDS; round++)
    for (int is_sender = 0; is_sender < 2; is_sender++) {
      if (is_sender) CHECK_EQUAL(ipc_mq_send(mq, "s", 1, 0, 0), 0);
      pid_t waiters[WAITERS];
      for (int i = 0; i < WAITERS; i++) waiters[i] = start(is_sender ? send_it : receive, NULL);
      for (int i = 0; i < WAITERS; i++) wait_until_inside(waiters[i], WAIT_CALL);
      for (int left = WAITERS; left > 0; left--) {
        if (is_sender)
          CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE), 1);
        else
          CHECK_EQUAL(ipc_mq_send(mq, "r", 1, 0, PATIENCE), 0);
        int status;
        CHECK(waitpid(-1, &status, 0) > 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK_EQUAL(waitpid(-1, &status, WNOHANG), left == 1 ? -1 : 0);
      }
      CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), is_sender ? 1 : -EAGAIN);
    }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
