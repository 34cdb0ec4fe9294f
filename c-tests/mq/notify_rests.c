/* If the callback leaves a message in the queue, it is not called again and again. The next call comes with the next
 * message. */
#include "mq.h"
#include <sys/eventfd.h>

static unsigned calls;
static int told;

static void leave_alone(ipc_mq_t *mq, void *context) {
  (void)mq, (void)context;
  __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
  uint64_t one = 1;
  CHECK_EQUAL(write(told, &one, sizeof one), sizeof one);
}

static void await_call(void) {
  uint64_t count;
  CHECK_EQUAL(read(told, &count, sizeof count), sizeof count);
}

int main(void) {
  ipc_mq_t *mq = make_mq(mq_name("rests"), 4, 0);
  told = eventfd(0, EFD_CLOEXEC);
  CHECK(told >= 0);
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = leave_alone };
  CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
  for (unsigned message = 1; message <= 4; message++) {
    CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
    await_call();
    await_rest();
    CHECK_EQUAL(__atomic_load_n(&calls, __ATOMIC_RELAXED), message);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
