/* A process is killed while it copies a message. A sender's message vanishes, and a receiver's message stays. The next
 * caller repairs the queue, and the repair is counted. */
#include "queue.h"

static const char *name;

static void die(void) { raise(SIGKILL); }

static void sender(void *unused) {
  (void)unused;
  ipc_mq_send(join_queue(name, 0), set_trap(die), 16, 9, IPC_FOREVER);
}

static void receiver(void *unused) {
  (void)unused;
  ipc_mq_receive(join_queue(name, 0), set_trap(die), 16, NULL, IPC_FOREVER);
}

static void sleeper(void *unused) {
  (void)unused;
  char buffer[16];
  CHECK_EQUAL(ipc_mq_receive(join_queue(name, 0), buffer, sizeof buffer, NULL, PATIENCE), 4);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it stops elsewhere than the processor does");
  name = unique_name("copying");
  ipc_mq_t *mq = make_queue(name, 3, 16);

  pid_t waiting = start_asleep(sleeper, NULL);
  CHECK_EQUAL(stat_of(mq).waiting_receivers, 1);
  wait_for(start(sender, NULL));
  send_text(mq, "woke", 0);
  FINISH(waiting);
  CHECK_EQUAL(stat_of(mq).repairs, 1);
  expect_all_room(mq, 3);

  send_text(mq, "low", 0);
  send_text(mq, "high", 5);
  wait_for(start(receiver, NULL));
  send_text(mq, "middle", 3);
  CHECK_EQUAL(count_of(mq), 3);
  expect_text(mq, "high", 0);
  CHECK_EQUAL(stat_of(mq).repairs, 2);
  expect_text(mq, "middle", 0);
  expect_text(mq, "low", 0);

  /* A sender and a receiver are killed at the same time. */
  send_text(mq, "stays", 0);
  wait_for(start(receiver, NULL));
  wait_for(start(sender, NULL));
  expect_text(mq, "stays", 0);
  expect_all_room(mq, 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
