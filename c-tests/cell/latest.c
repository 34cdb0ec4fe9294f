/* A reader gets the latest value, with its number and its time. Before the first value there is nothing to read. */
#include "cell.h"

int main(void) {
  const char *name = unique_name("cell");
  ipc_cell_t *cell = NULL, *other = NULL;
  CHECK_EQUAL(ipc_cell_open(&cell, name, &value_type, 0, 0600), -ENOENT);
  CHECK_EQUAL(ipc_cell_open(&cell, name, &value_type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_cell_open(&other, name, &value_type, IPC_CREATE, 0600), IPC_OPENED);
  Value value = value_of(99);
  ipc_sample_t info = { .number = 77 };
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), -ENODATA);
  check_value(&value, 99);
  CHECK_EQUAL(info.number, 77);
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 0, &info, 0), -EAGAIN);

  int64_t before = now_ns();
  for (uint64_t i = 1; i <= 100; i++) {
    write_value(cell, i);
    expect_value(other, i, i);
  }
  CHECK_EQUAL(ipc_cell_read(other, &value, &info), 0);
  CHECK(info.time_ns >= before && info.time_ns <= now_ns());
  CHECK_EQUAL(info.missed, 0);
  CHECK_EQUAL(ipc_cell_read(other, &value, NULL), 0);

  /* A second read gets the same value. */
  expect_value(other, 100, 100);
  CHECK_EQUAL(ipc_cell_wait(other, &value, 99, &info, 0), 0);
  CHECK_EQUAL(info.missed, 0);
  CHECK_EQUAL(ipc_cell_wait(other, &value, 90, &info, 0), 0);
  CHECK_EQUAL(info.missed, 9);
  CHECK_EQUAL(info.number, 100);
  CHECK_EQUAL(ipc_cell_wait(other, &value, 100, &info, 0), -EAGAIN);
  CHECK_EQUAL(ipc_cell_wait(other, &value, 100, &info, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_cell_wait(other, &value, UINT64_MAX, &info, MILLISECOND), -ETIMEDOUT);

  /* A cell outlives its handles. */
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  CHECK_EQUAL(ipc_cell_close(other), 0);
  CHECK_EQUAL(ipc_cell_close(other), -EBADF);
  CHECK_EQUAL(ipc_cell_read(other, &value, NULL), -EBADF);
  cell = open_cell(name, 0, 0);
  expect_value(cell, 100, 100);

  /* After its name is removed, it stays for those who have it. */
  CHECK_EQUAL(ipc_cell_stale(cell), 0);
  CHECK_EQUAL(ipc_cell_unlink(name), 0);
  CHECK_EQUAL(ipc_cell_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_cell_stale(cell), 1);
  write_value(cell, 101);
  expect_value(cell, 101, 101);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  return 0;
}
