/* ipc_deadline(3), sentence by sentence. general/deadlines.c has every call with a timeout. */
#include "page.h"

static void check_in_child(void *event) {
  CLAIM("It is valid in every process of the machine");
  CHECK_EQUAL(ipc_event_wait(event, *(int64_t *)((char *)event + sizeof(ipc_event_t))), -ETIMEDOUT);
}

int main(void) {
  struct {
    ipc_event_t event;
    int64_t deadline;
  } *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_event_init(&shared->event, 0), 0);
  int64_t before = now_ns(), deadline = ipc_deadline(10 * MILLISECOND);
  CLAIM("The deadline is encoded as a negative number below IPC_FOREVER.");
  CHECK(deadline < IPC_FOREVER);
  CLAIM("IPC_FOREVER, 0, a deadline and an invalid timeout are returned unchanged");
  CHECK_EQUAL(ipc_deadline(IPC_FOREVER), IPC_FOREVER);
  CHECK_EQUAL(ipc_deadline(0), 0);
  CHECK_EQUAL(ipc_deadline(deadline), deadline);
  CHECK_EQUAL(ipc_deadline(INT64_MIN), INT64_MIN);
  CLAIM("the time on the monotonic clock at which the timeout ends if it begins now");
  CHECK_EQUAL(ipc_event_wait(&shared->event, deadline), -ETIMEDOUT);
  CHECK(now_ns() - before >= 10 * MILLISECOND);
  CLAIM("A call whose deadline has passed makes one attempt, as with timeout_ns 0. If it would have to wait, it gives -ETIMEDOUT.");
  CHECK_EQUAL(ipc_event_wait(&shared->event, deadline), -ETIMEDOUT);
  CHECK_EQUAL(ipc_event_set(&shared->event), 0);
  CHECK_EQUAL(ipc_event_wait(&shared->event, deadline), 0);
  CHECK_EQUAL(ipc_event_reset(&shared->event), 0);
  shared->deadline = deadline;
  FINISH(start(check_in_child, shared));
  CLAIM("A deadline is at most 146 years after the start of the machine: a larger timeout_ns gives that one.");
  CHECK_EQUAL(ipc_deadline(INT64_MAX), ipc_deadline(INT64_MAX - 1));
  CHECK(ipc_deadline(INT64_MAX) < IPC_FOREVER);
  CLAIM("A call that gets an invalid timeout returns -EINVAL.");
  CHECK_EQUAL(ipc_event_wait(&shared->event, INT64_MIN), -EINVAL);
  return 0;
}
