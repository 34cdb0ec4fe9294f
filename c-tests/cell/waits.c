/* A write wakes every waiter. A waiter that is killed leaves nothing, and a signal handler ends a wait. A write makes no
 * system call while nobody waits. */
#include "cell.h"

static const char *name;

static void waiter(void *number) {
  ipc_cell_t *cell = open_cell(name, 0, 0);
  Value value;
  ipc_sample_t info;
  CHECK_EQUAL(ipc_cell_wait(cell, &value, *(uint64_t *)number, &info, PATIENCE), 0);
  CHECK_EQUAL(info.number, *(uint64_t *)number + 1);
}

static void on_signal(int number) { (void)number; }

static void interrupted(void *unused) {
  (void)unused;
  struct sigaction action = { .sa_handler = on_signal };
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  ipc_cell_t *cell = open_cell(name, 0, 0);
  Value value = value_of(7);
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 1000000, NULL, PATIENCE), -EINTR);
  check_value(&value, 7);
}

int main(void) {
  name = unique_name("cell");
  ipc_cell_t *cell = open_cell(name, IPC_CREATE, 0600);
  for (uint64_t number = 0; number < 50; number++) {
    pid_t children[4];
    for (int i = 0; i < 4; i++) children[i] = start_asleep(waiter, &number);
    KILL(children[number % 4]);
    write_value(cell, number);
    for (uint64_t i = 0; i < 4; i++)
      if (i != number % 4) FINISH(children[i]);
  }
  pid_t child = start_asleep(interrupted, NULL);
  CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);
  return 0;
}
