/* If a sender dies that has reserved messages, they vanish, and their slots are free again for calls that try and for
 * calls that sleep. ipc_mq_stat() counts them. Committed messages stay. */
#include "queue.h"

static const char *name;

static void reserves(void *argument) {
  int count = *(int *)argument;
  ipc_mq_t *mq = join_queue(name, 0);
  void *message = NULL;
  for (int i = 0; i < count; i++) {
    CHECK_EQUAL(ipc_mq_reserve(mq, &message, 0), 0);
    memset(message, 'u', 16);
  }
  if (count > 1) CHECK_EQUAL(ipc_mq_commit(mq, message, 4, 7), 0);
  stop_here();
  for (;;) pause();
}

static void sends(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mq_send(join_queue(name, 0), "woken", 5, 0, PATIENCE), 0);
}

int main(void) {
  name = unique_name("reserver");
  ipc_mq_t *mq = make_queue(name, 4, 16);
  int count = 4;
  pid_t child = start_stopped(reserves, &count);
  /* The thread is stopped, and not dead: nobody gets its slots. */
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(stat_of(mq).abandoned, 0);
  KILL(child);
  for (int i = 0; i < 3; i++) send_text(mq, "after", 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN);
  CHECK_EQUAL(stat_of(mq).abandoned, 3);
  expect_text(mq, "uuuu", 0);
  for (int i = 0; i < 3; i++) expect_text(mq, "after", 0);
  expect_all_room(mq, 4);

  count = 1;
  for (int i = 0; i < 3; i++) send_text(mq, "before", 0);
  child = start_stopped(reserves, &count);
  pid_t sender = start_asleep(sends, NULL);
  /* A sender that watches a reserver wakes every 100 ms to check, and is not counted for that moment. */
  while (stat_of(mq).waiting_senders != 1) sched_yield();
  KILL(child);
  FINISH(sender);
  for (int i = 0; i < 3; i++) expect_text(mq, "before", 0);
  expect_text(mq, "woken", 0);
  CHECK_EQUAL(stat_of(mq).abandoned, 4);
  expect_all_room(mq, 4);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
