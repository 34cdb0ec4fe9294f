/* A killed waiter takes no permit, and no wake-up of another waiter. A signal handler ends a wait with -EINTR. */
#include "asleep.h"

enum { ROUNDS = 40 };

typedef struct {
  ipc_sem_t sem, taken;
} Shared;

static void doomed(void *argument) {
  Shared *shared = argument;
  for (;;) {
    CHECK_EQUAL(ipc_sem_wait(&shared->sem, IPC_FOREVER), 0);
    CHECK_EQUAL(ipc_sem_post(&shared->taken), 0);
  }
}

static void handle(int number) {
  (void)number;
}

static void interrupted(void *argument) {
  Shared *shared = argument;
  struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  CHECK_EQUAL(ipc_sem_wait(&shared->taken, PATIENCE), -EINTR);
}

static void consumer(void *argument) {
  CHECK_EQUAL(ipc_sem_wait(&((Shared *)argument)->sem, PATIENCE), 0);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
  CHECK_EQUAL(ipc_sem_init(&shared->taken, 0), 0);
  for (int i = 0; i < ROUNDS; i++) {
    pid_t first = start(doomed, shared);
    wait_until_inside(first, SYS_futex);
    pid_t second = start(consumer, shared);
    wait_until_inside(second, SYS_futex);
    /* The waiter that sleeps longest gets the wake-up. A stopped waiter cannot use it. */
    kill(first, SIGSTOP);
    int status;
    CHECK_EQUAL(waitpid(first, &status, WUNTRACED), first);
    CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
    KILL(first);
    FINISH(second);
    unsigned value;
    CHECK_EQUAL(ipc_sem_value(&shared->sem, &value), 0);
    CHECK_EQUAL(value, 0);
    CHECK_EQUAL(ipc_sem_value(&shared->taken, &value), 0);
    CHECK_EQUAL(value, 0);
  }
  pid_t child = start(interrupted, shared);
  wait_until_inside(child, SYS_futex);
  CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);
  return 0;
}
