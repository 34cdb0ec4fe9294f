/* Receivers and senders killed while they wait do not hold up the others, and no message is lost. */
#include "mq.h"

#define ROUNDS 30

static const char *name;

static void receive(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, 0);
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, IPC_FOREVER), 4);
}

static void send_it(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, 0);
  CHECK_EQUAL(ipc_mq_send(mq, "late", 4, 0, IPC_FOREVER), 0);
}

int main(void) {
  name = mq_name("killed");
  ipc_mq_t *mq = make_mq(name, 1, 0);
  char buffer[SIZE];
  for (int round = 0; round < ROUNDS; round++) {
    pid_t victim = start(receive, NULL), survivor = start(receive, NULL);
    wait_until_inside(victim, WAIT_CALL);
    wait_until_inside(survivor, WAIT_CALL);
    KILL(victim);
    CHECK_EQUAL(ipc_mq_send(mq, "once", 4, 0, 0), 0);
    FINISH(survivor);

    CHECK_EQUAL(ipc_mq_send(mq, "full", 4, 0, 0), 0);
    victim = start(send_it, NULL);
    survivor = start(send_it, NULL);
    wait_until_inside(victim, WAIT_CALL);
    wait_until_inside(survivor, WAIT_CALL);
    KILL(victim);
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 4);
    CHECK(memcmp(buffer, "full", 4) == 0);
    FINISH(survivor);
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 4);
    CHECK(memcmp(buffer, "late", 4) == 0);
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
