/* If a process can open no more files, it cannot open the FIFO behind a queue's descriptor. Its calls then fail before
 * they send or receive: no message is lost, and a failed call sends none. A process that has the FIFO open already goes
 * on. */
#include "queue.h"
#include <sys/resource.h>

static const char *name;

static void forbid_descriptors(void) {
  struct rlimit limit = { 0, 0 };
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* One message, and room for another. */
static void newcomer(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  forbid_descriptors();
  char byte;
  const void *borrowed;
  void *reserved;
  CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EMFILE);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), -EMFILE);
  CHECK_EQUAL(count_of(mq), 1);
  CHECK_EQUAL(ipc_mq_send(mq, "y", 1, 0, PATIENCE), -EMFILE);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), -EMFILE);
  CHECK_EQUAL(count_of(mq), 1);
}

static void old_hand(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  send_text(mq, "y", 0);
  forbid_descriptors();
  expect_text(mq, "x", 0);
  expect_text(mq, "y", 0);
  send_text(mq, "x", 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it keeps descriptors for itself, and their limit");
  name = unique_name("newcomer");
  ipc_mq_t *mq = make_queue(name, 2, 16);
  CHECK(ipc_mq_fd(mq) >= 0);
  send_text(mq, "x", 0);
  FINISH(start(newcomer, NULL));
  FINISH(start(old_hand, NULL));
  expect_text(mq, "x", 0);
  expect_all_room(mq, 2);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
