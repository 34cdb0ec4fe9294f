/* A manual event releases all present and later waiters until it is reset. A waiter that came before the setting is
 * released even if the event is reset at once. */
#include "asleep.h"

static ipc_event_t *event;

static void waiter(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_wait(event, PATIENCE), 0);
}

int main(void) {
  event = shared_memory(sizeof *event);
  CHECK_EQUAL(ipc_event_init(event, 0), 0);
  CHECK_EQUAL(ipc_event_wait(event, 0), -EAGAIN);
  CHECK_EQUAL(ipc_event_wait(event, 10 * MILLISECOND), -ETIMEDOUT);
  for (int round = 0; round < 20; round++) {
    pid_t children[4];
    for (int i = 0; i < 4; i++) children[i] = start_asleep(waiter, NULL);
    KILL(children[0]);
    CHECK_EQUAL(ipc_event_set(event), 0);
    CHECK_EQUAL(ipc_event_reset(event), 0);
    for (int i = 1; i < 4; i++) FINISH(children[i]);
    CHECK_EQUAL(ipc_event_wait(event, 0), -EAGAIN);
  }
  CHECK_EQUAL(ipc_event_set(event), 0);
  CHECK_EQUAL(ipc_event_set(event), 0);
  CHECK_EQUAL(ipc_event_is_set(event), 1);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_event_wait(event, 0), 0);
  CHECK_EQUAL(ipc_event_reset(event), 0);
  CHECK_EQUAL(ipc_event_is_set(event), 0);

  CHECK_EQUAL(ipc_event_init(event, IPC_EVENT_SET), 0);
  CHECK_EQUAL(ipc_event_wait(event, 0), 0);
  CHECK_EQUAL(ipc_event_init(event, 4), -EINVAL);
  CHECK_EQUAL(ipc_event_destroy(event), 0);
  CHECK_EQUAL(ipc_event_set(event), -EINVAL);
  return 0;
}
