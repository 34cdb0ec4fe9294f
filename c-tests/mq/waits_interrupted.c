/* A signal handler ends every wait for a message or for room with -EINTR, including those of batches and of messages in
 * place. No message is lost or taken. */
#include "queue.h"

static const char *name;

static void handler(int signal) { (void)signal; }

static int wait_in(int call, ipc_mq_t *mq) {
  char buffer[16];
  void *reserved;
  const void *borrowed;
  ipc_mq_message_t message = { .data = buffer, .len = sizeof buffer };
  switch (call) {
    case 0: return ipc_mq_send(mq, "x", 1, 0, PATIENCE);
    case 1: return (int)ipc_mq_send_many(mq, &message, 1, PATIENCE);
    case 2: return ipc_mq_reserve(mq, &reserved, IPC_FOREVER);
    case 3: return (int)ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE);
    case 4: return (int)ipc_mq_receive_many(mq, &message, 1, PATIENCE);
    default: return (int)ipc_mq_borrow(mq, &borrowed, NULL, NULL, IPC_FOREVER);
  }
}

static void waiter(void *argument) {
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  CHECK_EQUAL(wait_in(*(int *)argument, join_queue(name, 0)), -EINTR);
}

int main(void) {
  name = unique_name("interrupted");
  ipc_mq_t *mq = make_queue(name, 1, 16);
  send_text(mq, "only", 0);
  for (int call = 0; call < 6; call++) {
    if (call == 3) expect_text(mq, "only", 0);
    pid_t child = start_asleep(waiter, &call);
    ipc_mq_stat_t stat = stat_of(mq);
    CHECK_EQUAL(stat.waiting_senders, call < 3);
    CHECK_EQUAL(stat.waiting_receivers, call >= 3);
    CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);
  }
  ipc_mq_stat_t stat = stat_of(mq);
  CHECK_EQUAL(stat.waiting_senders + stat.waiting_receivers, 0);
  expect_all_room(mq, 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
