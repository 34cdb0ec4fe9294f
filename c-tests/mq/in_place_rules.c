/* A message in place belongs to its thread: if another thread commits, abandons or returns it, the call gives -EPERM. A
 * second commit, abandon or return gives -EINVAL, and so does an address that belongs to no message. After a refused
 * call the message stays reserved or borrowed. */
#include "queue.h"
#include <pthread.h>

static ipc_mq_t *mq;
static void *reserved;
static const void *borrowed;

static void *another(void *unused) {
  (void)unused;
  CHECK_FAILS(ipc_mq_commit(mq, reserved, 1, 0), -EPERM, "belongs to thread");
  CHECK_EQUAL(ipc_mq_abandon(mq, reserved), -EPERM);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), -EPERM);
  return NULL;
}

static void refuse_address(void *address) {
  CHECK_EQUAL(ipc_mq_commit(mq, address, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_abandon(mq, address), -EINVAL);
  CHECK_EQUAL(ipc_mq_return(mq, address), -EINVAL);
}

int main(void) {
  static char elsewhere[256];
  const char *name = unique_name("in-place");
  mq = make_queue(name, 3, 100);
  unsigned priority = 99, redeliveries = 99;

  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_borrow(mq, NULL, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_reserve(mq, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, -2), -EINVAL);

  send_text(mq, "hello", 4);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, &priority, &redeliveries, 0), 5);
  CHECK_EQUAL((uintptr_t)borrowed % 64, 0);
  CHECK(memcmp(borrowed, "hello", 5) == 0);
  CHECK_EQUAL(priority, 4);
  CHECK_EQUAL(redeliveries, 0);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), 0);
  CHECK_EQUAL((uintptr_t)reserved % 64, 0);
  CHECK_EQUAL(count_of(mq), 0);

  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, another, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);

  refuse_address(NULL);
  refuse_address(elsewhere);
  refuse_address((char *)reserved + 1);
  refuse_address((char *)reserved - 64);
  refuse_address((char *)reserved + 64 * 1024 * 1024);
  refuse_address((void *)UINTPTR_MAX);
  /* The calls for reserved messages refuse a borrowed one, and the reverse. */
  CHECK_EQUAL(ipc_mq_return(mq, reserved), -EINVAL);
  CHECK_EQUAL(ipc_mq_commit(mq, (void *)(uintptr_t)borrowed, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_abandon(mq, (void *)(uintptr_t)borrowed), -EINVAL);
  /* A call is refused for another reason, and the message still belongs to this thread. */
  CHECK_FAILS(ipc_mq_commit(mq, reserved, 101, 0), -EMSGSIZE, "up to 100 bytes");
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 1, IPC_MQ_PRIORITY_MAX + 1), -EINVAL);

  memset(reserved, 'm', 100);
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 100, 1), 0);
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 100, 1), -EINVAL);
  CHECK_EQUAL(ipc_mq_abandon(mq, reserved), -EINVAL);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), -EINVAL);
  char buffer[100];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 100);
  CHECK(buffer[0] == 'm' && buffer[99] == 'm');
  CHECK_EQUAL(priority, 1);

  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), 0);
  CHECK_EQUAL(ipc_mq_abandon(mq, reserved), 0);
  CHECK_EQUAL(ipc_mq_abandon(mq, reserved), -EINVAL);

  /* Messages are sent in the order of the commits. Reserved and borrowed messages count for the capacity. */
  void *several[3];
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mq_reserve(mq, &several[i], 0), 0);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, MILLISECOND), -ETIMEDOUT);
  for (int i = 3; i-- > 0;) {
    *(char *)several[i] = (char)('0' + i);
    CHECK_EQUAL(ipc_mq_commit(mq, several[i], 1, 0), 0);
  }
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 1);
  CHECK_EQUAL(*(const char *)borrowed, '2');
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  expect_text(mq, "1", 0);
  expect_text(mq, "0", 0);

  ipc_mq_t *other = join_queue(name, IPC_READ_ONLY);
  CHECK_EQUAL(ipc_mq_reserve(other, &reserved, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  other = join_queue(name, IPC_WRITE_ONLY);
  CHECK_EQUAL(ipc_mq_borrow(other, &borrowed, NULL, NULL, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_peek_priority(other, &priority), -EBADF);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  expect_all_room(mq, 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
