/* ipc_mq_close() returns -EBUSY while the thread has a message of the queue reserved or borrowed. The handle stays
 * usable. */
#include "queue.h"

int main(void) {
  const char *name = unique_name("close");
  ipc_mq_t *mq = make_queue(name, 3, 16), *other = join_queue(name, 0);
  void *reserved;
  const void *borrowed;
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), 0);
  CHECK_FAILS(ipc_mq_close(mq), -EBUSY, "reserved or borrowed");
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 0);
  CHECK_FAILS(ipc_mq_close(mq), -EBUSY, "reserved or borrowed");
  /* Nothing is reserved or borrowed through the other handle. */
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  expect_all_room(mq, 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(mq), -EBADF);
  return 0;
}
