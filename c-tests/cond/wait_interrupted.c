/* A signal handler ends a wait on a condition variable with -EINTR and with the mutex held. */
#include "asleep.h"

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
} Shared;

static void handle(int number) {
  (void)number;
}

static void waiter(void *argument) {
  Shared *shared = argument;
  struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE), -EINTR);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  pid_t child = start(waiter, shared);
  wait_until_inside(child, SYS_futex);
  CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);
  return 0;
}
