/* If a borrower dies, its messages are queued again in their old places, marked as redelivered, however often that
 * happens. Messages that it had returned are not. Sleeping receivers get the messages. */
#include "queue.h"

static const char *name;

static void borrows_and_dies(void *argument) {
  int count = *(int *)argument;
  ipc_mq_t *mq = join_queue(name, 0);
  const void *message;
  for (int i = 0; i < count; i++) CHECK(ipc_mq_borrow(mq, &message, NULL, NULL, 0) >= 0);
  raise(SIGKILL);
}

static void returns_one_and_dies(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  const void *first, *second;
  CHECK_EQUAL(ipc_mq_borrow(mq, &first, NULL, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_borrow(mq, &second, NULL, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_return(mq, first), 0);
  raise(SIGKILL);
}

static void borrows_and_stays(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, 0), 1);
  stop_here();
  for (;;) pause();
}

static void waits(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  const void *message;
  unsigned priority, redeliveries;
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, &priority, &redeliveries, PATIENCE), 1);
  CHECK_EQUAL(*(const char *)message, 'w');
  CHECK_EQUAL(priority, 3);
  CHECK_EQUAL(redeliveries, 1);
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
}

int main(void) {
  name = unique_name("borrower");
  ipc_mq_t *mq = make_queue(name, 6, 16);
  send_text(mq, "c", 5);
  send_text(mq, "a", 9);
  send_text(mq, "d", 5);
  send_text(mq, "b", 9);
  send_text(mq, "e", 5);

  int count = 4;
  wait_for(start(borrows_and_dies, &count));
  /* A message sent later comes after the redelivered ones, or before those of a lower priority. */
  send_text(mq, "f", 5);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 5, 0), -EAGAIN);
  unsigned priority;
  CHECK_EQUAL(ipc_mq_peek_priority(mq, &priority), 0);
  CHECK_EQUAL(priority, 9);
  CHECK_EQUAL(count_of(mq), 6);
  CHECK_EQUAL(stat_of(mq).redelivered, 4);
  /* A borrower dies for the second time. */
  count = 1;
  wait_for(start(borrows_and_dies, &count));
  expect_text(mq, "a", 2);
  expect_text(mq, "b", 1);
  expect_text(mq, "c", 1);
  expect_text(mq, "d", 1);
  expect_text(mq, "e", 0);
  expect_text(mq, "f", 0);
  CHECK_EQUAL(stat_of(mq).redelivered, 5);
  expect_all_room(mq, 6);

  send_text(mq, "r", 2);
  send_text(mq, "s", 1);
  wait_for(start(returns_one_and_dies, NULL));
  expect_text(mq, "s", 1);
  expect_all_room(mq, 6);

  /* The mark of a redelivered message does not pass to the slot's next message. */
  for (int i = 0; i < 6; i++) send_text(mq, "n", 0);
  for (int i = 0; i < 6; i++) expect_text(mq, "n", 0);

  send_text(mq, "w", 3);
  pid_t borrower = start_stopped(borrows_and_stays, NULL);
  pid_t waiter = start_asleep(waits, NULL);
  /* The borrower is stopped, and not dead. */
  char byte;
  CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EAGAIN);
  CHECK_EQUAL(count_of(mq), 0);
  KILL(borrower);
  FINISH(waiter);
  expect_all_room(mq, 6);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
