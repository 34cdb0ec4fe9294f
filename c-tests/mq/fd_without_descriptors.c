/* A process that can open no more files gets no descriptor of a queue: -EMFILE, and nothing has changed. Its messages go
 * on, and make the descriptors of other processes ready. */
#include "lanes.h"
#include "queue.h"
#include <sys/resource.h>

static const char *name;

static void restricted(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  struct rlimit limit = { 0, 0 };
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK_EQUAL(ipc_mq_fd(mq), -EMFILE);
  expect_text(mq, "x", 0);
  send_text(mq, "y", 0);
  CHECK_EQUAL(ipc_mq_fd(mq), -EMFILE);
  const void *borrowed;
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  send_text(mq, "z", 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it keeps descriptors for itself, and their limit");
  name = unique_name("newcomer");
  ipc_mq_t *mq = make_queue(name, 2, 16);
  send_text(mq, "x", 0);
  int descriptor = ipc_mq_fd(mq);
  CHECK_EQUAL(reported(descriptor), POLLIN | POLLOUT);
  FINISH(start(restricted, NULL));
  expect_text(mq, "z", 0);
  CHECK_EQUAL(reported(descriptor), POLLOUT);
  expect_all_room(mq, 2);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
