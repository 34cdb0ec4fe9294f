/* A thread ends, or a process calls exec or exits, while it has messages reserved and borrowed. The reserved slots
 * become free, and the borrowed messages are delivered again. After a fork they still belong to the parent, whatever
 * the child does. */
#include "queue.h"
#include <pthread.h>

static const char *name;
static ipc_mq_t *mq;
static void *reserved;
static const void *borrowed;

static void hold(ipc_mq_t *queue) {
  CHECK_EQUAL(ipc_mq_reserve(queue, &reserved, 0), 0);
  CHECK_EQUAL(ipc_mq_borrow(queue, &borrowed, NULL, NULL, 0), 1);
}

static void *end_holding(void *unused) {
  (void)unused;
  hold(mq);
  return NULL;
}

static void execute_holding(void *input) {
  CHECK_EQUAL(dup2(*(int *)input, 0), 0);
  hold(join_queue(name, 0));
  execl("/bin/cat", "cat", (char *)NULL);
}

static void exit_holding(void *unused) {
  (void)unused;
  hold(join_queue(name, 0));
}

static void child_of_holder(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 1, 0), -EPERM);
  CHECK_EQUAL(ipc_mq_abandon(mq, reserved), -EPERM);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), -EPERM);
  /* The child can use the queue in every other way. */
  send_text(mq, "child", 9);
  expect_text(mq, "child", 0);
  void *own;
  CHECK_EQUAL(ipc_mq_reserve(mq, &own, 0), 0);
  CHECK_EQUAL(ipc_mq_close(mq), -EBUSY);
  CHECK_EQUAL(ipc_mq_abandon(mq, own), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

/* The one message is back, and all slots are usable. */
static void expect_given_back(unsigned redeliveries) {
  send_text(mq, "2", 0);
  send_text(mq, "3", 0);
  CHECK_EQUAL(ipc_mq_send(mq, "4", 1, 0, 0), -EAGAIN);
  expect_text(mq, "1", redeliveries);
  expect_text(mq, "2", 0);
  expect_text(mq, "3", 0);
  expect_all_room(mq, 3);
  send_text(mq, "1", 0);
}

int main(void) {
  name = unique_name("gone");
  mq = make_queue(name, 3, 16);
  send_text(mq, "1", 0);

  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, end_holding, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  expect_given_back(1);
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 1, 0), -EINVAL);

  int input[2];
  CHECK_EQUAL(pipe(input), 0);
  pid_t child = start(execute_holding, &input[0]);
  /* The new program waits for its input. */
  wait_until_inside(child, SYS_read);
  expect_given_back(1);
  KILL(child);
  close(input[0]);
  close(input[1]);

  FINISH(start(exit_holding, NULL));
  expect_given_back(1);

  hold(mq);
  FINISH(start(child_of_holder, NULL));
  CHECK_EQUAL(ipc_mq_receive(mq, (char[1]){0}, 1, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  expect_text(mq, "", 0);
  expect_all_room(mq, 3);
  CHECK_EQUAL(stat_of(mq).redelivered, 3);
  CHECK_EQUAL(stat_of(mq).abandoned, 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
