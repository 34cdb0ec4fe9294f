/* A killed waiter takes no other waiter's wake-up with it, and does not hold up a signaller. The surviving waiter gets
 * every token, although many waiters die beside it. (With a process-shared pthread condition variable the signaller
 * hangs here.) */
#include "test.h"

enum { ITEMS = 40 };

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  int items, consumed;
} Shared;

static void lock(Shared *shared) {
  int result = ipc_mutex_lock(&shared->mutex, PATIENCE);
  if (result == IPC_OWNER_DIED) result = ipc_mutex_consistent(&shared->mutex);
  CHECK_EQUAL(result, 0);
}

static void doomed(void *argument) {
  Shared *shared = argument;
  lock(shared);
  for (;;) {
    int result = ipc_cond_wait(&shared->cond, &shared->mutex, IPC_FOREVER);
    if (result == IPC_OWNER_DIED) CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  }
}

static void consumer(void *argument) {
  Shared *shared = argument;
  lock(shared);
  while (shared->consumed < ITEMS) {
    while (shared->items == 0) {
      int result = ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE);
      if (result == IPC_OWNER_DIED) result = ipc_mutex_consistent(&shared->mutex);
      CHECK_EQUAL(result, 0);
    }
    shared->items--;
    shared->consumed++;
  }
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  pid_t living = start(consumer, shared);
  for (int i = 0; i < ITEMS; i++) {
    pid_t victims[2] = { start(doomed, shared), start(doomed, shared) };
    for (int v = 0; v < 2; v++) wait_until_inside(victims[v], SYS_futex);
    /* The signal races with the kill: before it, after it, and during it. */
    if (i % 2 == 0) KILL(victims[0]);
    lock(shared);
    shared->items++;
    if (i % 3 == 0) kill(victims[1], SIGKILL);
    CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
    if (i % 3 == 1) kill(victims[1], SIGKILL);
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
    if (i % 2 != 0) KILL(victims[0]);
    KILL(victims[1]);
  }
  FINISH(living);
  CHECK_EQUAL(shared->consumed, ITEMS);
  return 0;
}
