/* A thread that is stopped in the middle of a call keeps its latch. Other calls in the same direction get -EAGAIN with
 * the reason if they try, and -ETIMEDOUT if they wait. The other direction goes on. When the thread runs again, all
 * calls succeed. */
#include "queue.h"

static const char *name;

static void sender(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  char *message = set_trap(stop_here);
  CHECK_EQUAL(ipc_mq_send(mq, message, 16, 1, IPC_FOREVER), 0);
}

static void receiver(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  char *buffer = set_trap(stop_here);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, 16, NULL, IPC_FOREVER), 5);
  CHECK_EQUAL(memcmp(buffer, "first", 5), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it stops elsewhere than the processor does");
  name = unique_name("stopped");
  ipc_mq_t *mq = make_queue(name, 3, 16);
  char buffer[16];
  char expected[64];
  void *reserved;
  const void *borrowed;
  unsigned priority;

  pid_t child = start_stopped(sender, NULL);
  snprintf(expected, sizeof expected, "thread %d is in a call on the queue and does not run", (int)child);
  CHECK_FAILS(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN, expected);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  CHECK_EQUAL(stat_of(mq).repairs, 0);
  continue_child(child);
  FINISH(child);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 16);
  expect_all_room(mq, 3);

  send_text(mq, "first", 2);
  send_text(mq, "second", 1);
  child = start_stopped(receiver, NULL);
  snprintf(expected, sizeof expected, "thread %d is in a call on the queue and does not run", (int)child);
  CHECK_FAILS(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN, expected);
  CHECK_FAILS(ipc_mq_peek_priority(mq, &priority), -EAGAIN, expected);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, MILLISECOND), -ETIMEDOUT);
  send_text(mq, "third", 0);
  CHECK_EQUAL(stat_of(mq).repairs, 0);
  continue_child(child);
  FINISH(child);
  expect_text(mq, "second", 0);
  expect_text(mq, "third", 0);
  expect_all_room(mq, 3);
  CHECK_EQUAL(stat_of(mq).repairs, 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
