/* A callback borrows one message each time. It is called until the queue is empty, like a callback that receives. */
#include "queue.h"

enum { MESSAGES = 4 };

static unsigned taken;

static void take_in_place(ipc_mq_t *mq, void *context) {
  const void *message;
  (void)context;
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  __atomic_fetch_add(&taken, 1, __ATOMIC_RELEASE);
}

int main(void) {
  ipc_mq_t *mq = make_queue(unique_name("borrows"), MESSAGES, 16);
  for (int i = 0; i < MESSAGES; i++) send_text(mq, "x", 0);
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = take_in_place };
  CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
  int64_t limit = now_ns() + PATIENCE;
  while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) < MESSAGES) {
    CHECK(now_ns() < limit);
    sched_yield();
  }
  CHECK_EQUAL(count_of(mq), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
