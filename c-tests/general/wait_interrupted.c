/* A signal handler ends a wait for a peer with -EINTR, and does not end a wait for a lock. */
#include "holding.h"

static volatile sig_atomic_t handled;
static ipc_event_t *event;

static void handle(int number) {
  (void)number;
  handled = 1;
}

static void waiter(void *which) {
  unsigned permit;
  int result = 0;
  switch (*(int *)which) {
    case 0: result = ipc_event_wait(event, PATIENCE); break;
    case 1: result = ipc_permits_take(&everything->permits, &permit, PATIENCE); break;
    case 2: result = ipc_barrier_wait(&everything->barrier, PATIENCE); break;
    case 3: result = ipc_rwlock_read_lock(&everything->written, PATIENCE); break;
    case 4: result = ipc_rwlock_write_lock(&everything->read, PATIENCE); break;
  }
  CHECK(handled);
  CHECK_EQUAL(result, *(int *)which < 3 ? -EINTR : 0);
  if (*(int *)which == 2) CHECK_EQUAL(ipc_barrier_leave(&everything->barrier), 0);
}

int main(void) {
  struct sigaction action = {.sa_handler = handle};
  sigaction(SIGUSR1, &action, NULL);
  event = shared_memory(sizeof *event);
  CHECK_EQUAL(ipc_event_init(event, 0), 0);
  make_everything();
  hold_everything();
  for (int i = 0; i < 5; i++) {
    pid_t child = start_asleep(waiter, &i);
    if (i < 3) {
      CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);
    } else {
      /* The child continues to sleep, and then it gets the lock. */
      CHECK(kill(child, SIGUSR1) == 0);
      wait_until_on_futex(child);
      CHECK_EQUAL(ipc_rwlock_unlock(i == 3 ? &everything->written : &everything->read), 0);
      FINISH(child);
    }
  }
  return 0;
}
