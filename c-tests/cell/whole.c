/* Several writers write as fast as they can. Every value that a reader gets is whole, and the numbers never go back. */
#include "cell.h"

#define VALUES 20000

static const char *name;

static void writer(void *seed) {
  ipc_cell_t *cell = open_cell(name, 0, 0);
  for (uint64_t i = 0; i < VALUES; i++) write_value(cell, *(uint64_t *)seed + i);
}

static void reader(void *flags) {
  ipc_cell_t *cell = open_cell(name, *(int *)flags, 0);
  Value value;
  ipc_sample_t info = { .number = 0 };
  for (uint64_t last = 0; last < 2 * VALUES; last = info.number) {
    CHECK_EQUAL(ipc_cell_wait(cell, &value, last, &info, PATIENCE), 0);
    CHECK(info.number > last && info.missed == info.number - last - 1);
    check_whole(&value);
    CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
    check_whole(&value);
  }
}

int main(void) {
  name = unique_name("cell");
  ipc_cell_t *cell = open_cell(name, IPC_CREATE, 0600);
  uint64_t seeds[] = { 1, 1 << 20 };
  int flags[] = { 0, IPC_READ_ONLY };
  pid_t children[4];
  for (int i = 0; i < 2; i++) children[i] = start(reader, &flags[i]);
  for (int i = 0; i < 2; i++) children[2 + i] = start(writer, &seeds[i]);
  for (int i = 0; i < 4; i++) FINISH(children[i]);
  Value value;
  ipc_sample_t info;
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(info.number, 2 * VALUES);
  return 0;
}
