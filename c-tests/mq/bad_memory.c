/* A send from an address without memory, or a receive into one, is an error and not a crash. */
#include "mq.h"

int main(void) {
  SKIP_UNDER_VALGRIND("it reports what this test does");
  ipc_mq_t *mq = make_mq(mq_name("memory"), 1, 0);
  char buffer[SIZE];
  void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(nowhere != MAP_FAILED);
  CHECK_EQUAL(ipc_mq_send(mq, nowhere, SIZE, 0, 0), -EFAULT);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, nowhere, SIZE, NULL, 0), -EFAULT);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
