/* An event that resets itself releases one waiter per setting, even if another waiter is killed at the moment of the
 * setting. */
#include "asleep.h"

static struct {
  ipc_event_t event;
  int released;
} *shared;

static void waiter(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_wait(&shared->event, PATIENCE), 0);
  __atomic_add_fetch(&shared->released, 1, __ATOMIC_SEQ_CST);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_event_init(&shared->event, IPC_EVENT_AUTO_RESET | IPC_EVENT_SET), 0);
  CHECK_EQUAL(ipc_event_wait(&shared->event, 0), 0);
  CHECK_EQUAL(ipc_event_wait(&shared->event, 0), -EAGAIN);
  CHECK_EQUAL(ipc_event_set(&shared->event), 0);
  CHECK_EQUAL(ipc_event_set(&shared->event), 0);
  CHECK_EQUAL(ipc_event_wait(&shared->event, 0), 0);
  CHECK_EQUAL(ipc_event_wait(&shared->event, 10 * MILLISECOND), -ETIMEDOUT);

  pid_t children[3];
  for (int i = 0; i < 3; i++) children[i] = start_asleep(waiter, NULL);
  for (int i = 1; i <= 3; i++) {
    CHECK_EQUAL(ipc_event_set(&shared->event), 0);
    for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield())
      if (__atomic_load_n(&shared->released, __ATOMIC_SEQ_CST) == i) break;
    CHECK_EQUAL(__atomic_load_n(&shared->released, __ATOMIC_SEQ_CST), i);
    CHECK_EQUAL(ipc_event_is_set(&shared->event), 0);
  }
  for (int i = 0; i < 3; i++) FINISH(children[i]);

  /* The setting wakes the first sleeper, which is stopped and killed before it can take it. The setting is not lost. */
  for (int i = 0; i < 2; i++) children[i] = start_asleep(waiter, NULL);
  CHECK(kill(children[0], SIGSTOP) == 0);
  wait_until_stopped(children[0]);
  CHECK_EQUAL(ipc_event_set(&shared->event), 0);
  KILL(children[0]);
  FINISH(children[1]);
  return 0;
}
