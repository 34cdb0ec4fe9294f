/* A writer is stopped, and then killed, in the middle of a change. Readers read the value before meanwhile. Other writers
 * wait for a stopped writer, but not for ever, and go on after its death. */
#include "cell.h"

static const char *name;

static int stop_in_change(void *value, void *context) {
  (void)context;
  memset(value, 0xff, sizeof(Value) / 2);
  stop_here();
  return 0;
}

static void stopped_writer(void *unused) {
  (void)unused;
  (void)ipc_cell_update(open_cell(name, 0, 0), stop_in_change, NULL);
}

static void second_writer(void *unused) {
  (void)unused;
  write_value(open_cell(name, 0, 0), 3);
}

int main(void) {
  name = unique_name("cell");
  ipc_cell_t *cell = open_cell(name, IPC_CREATE, 0600);
  for (int round = 0; round < 20; round++) {
    uint64_t number = 2 * (uint64_t)round + 1;
    write_value(cell, 2);
    pid_t writer = start_stopped(stopped_writer, NULL);
    expect_value(cell, 2, number);
    /* A writer that waits notices the death within a second. One that comes later notices it at once. So most rounds,
     * which are there for each place of the cell, have no waiter. */
    pid_t second = round < 2 ? start_asleep(second_writer, NULL) : 0;
    expect_value(cell, 2, number);
    KILL(writer);
    if (second == 0) second = start(second_writer, NULL);
    FINISH(second);
    expect_value(cell, 3, number + 1);
  }
  Value value = value_of(4);
  pid_t writer = start_stopped(stopped_writer, NULL);
  CHECK_FAILS(ipc_cell_write(cell, &value), -EAGAIN, "does not get on");
  CHECK_EQUAL(ipc_cell_update(cell, stop_in_change, NULL), -EAGAIN);
  KILL(writer);
  write_value(cell, 4);
  return 0;
}
