/* A signal handler interrupts a call on a queue and calls the same side of that queue. Its call gets -EDEADLK, and the
 * interrupted call goes on. */
#include "queue.h"

static ipc_mq_t *mq;
static int tried, waited;

static void send_again(void) {
  tried = ipc_mq_send(mq, "y", 1, 0, 0);
  waited = ipc_mq_send(mq, "y", 1, 0, IPC_FOREVER);
}

static void receive_again(void) {
  char byte;
  tried = (int)ipc_mq_receive(mq, &byte, 1, NULL, 0);
  waited = (int)ipc_mq_receive(mq, &byte, 1, NULL, IPC_FOREVER);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it stops elsewhere than the processor does");
  mq = make_queue(unique_name("handler"), 3, 16);
  CHECK_EQUAL(ipc_mq_send(mq, set_trap(send_again), 16, 0, 0), 0);
  CHECK_EQUAL(tried, -EDEADLK);
  CHECK_EQUAL(waited, -EDEADLK);
  CHECK_EQUAL(ipc_mq_receive(mq, set_trap(receive_again), 16, NULL, 0), 16);
  CHECK_EQUAL(tried, -EDEADLK);
  CHECK_EQUAL(waited, -EDEADLK);
  expect_all_room(mq, 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
