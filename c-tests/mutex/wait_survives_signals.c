/* A wait for a mutex goes on after signal handlers have run, and still ends at its timeout. */
#include "asleep.h"

enum { SIGNALS = 5 };

static volatile sig_atomic_t handled;

static void handle(int number) {
  (void)number;
  handled++;
}

static void waiter(void *mutex) {
  struct sigaction action = { .sa_handler = handle };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  raise(SIGSTOP);
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), 0);
  CHECK_EQUAL(handled, SIGNALS);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void timed_waiter(void *mutex) {
  struct sigaction action = { .sa_handler = handle };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  raise(SIGSTOP);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 300 * MILLISECOND), -ETIMEDOUT);
  CHECK(handled > 0);
}

/* Starts a waiter, and returns when its handler is in place. */
static pid_t ready(void (*body)(void *), ipc_mutex_t *mutex) {
  pid_t child = start(body, mutex);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  kill(child, SIGCONT);
  return child;
}

/* Whether a signal sent to the child still waits for its handler. */
static int pending(pid_t child) {
  char path[64], line[256];
  unsigned long long mask = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)child);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "ShdPnd: %llx", &mask) == 1) break;
  fclose(file);
  return mask != 0;
}

static void check(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);

  pid_t child = ready(timed_waiter, mutex);
  CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);

  child = ready(waiter, mutex);
  for (int i = 0; i < SIGNALS; i++) {
    wait_until_inside(child, SYS_futex);
    kill(child, SIGUSR1);
    while (pending(child)) sched_yield();
  }
  wait_until_inside(child, SYS_futex);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  FINISH(child);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
