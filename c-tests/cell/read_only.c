/* A handle for reading maps nothing that can be written. It reads, waits and is woken, with or without the permission to
 * write to the cell, and cannot write. */
#include "cell.h"

static const char *name;

static void check_maps_nothing_writable(void) {
  char line[512];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, name) == NULL) continue;
    found++;
    CHECK(strstr(line, " r--s ") != NULL);
  }
  fclose(maps);
  CHECK(found > 0);
}

/* The test's process wakes it after it has gone to sleep. */
static void reader(void *after) {
  ipc_cell_t *cell = open_cell(name, IPC_READ_ONLY, 0);
  check_maps_nothing_writable();
  Value value;
  ipc_sample_t info;
  int64_t begin = now_ns();
  CHECK_EQUAL(ipc_cell_wait(cell, &value, *(uint64_t *)after, &info, PATIENCE), 0);
  CHECK(now_ns() - begin < PATIENCE);
  check_value(&value, *(uint64_t *)after + 1);
  CHECK_FAILS(ipc_cell_write(cell, &value), -EBADF, "IPC_READ_ONLY");
  CHECK_EQUAL(ipc_cell_update(cell, NULL, NULL), -EINVAL);
  check_maps_nothing_writable();
}

static void stranger(void *after) {
  if (geteuid() == 0) CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  prctl(PR_SET_DUMPABLE, 1);
  ipc_cell_t *cell;
  if (geteuid() == 65534) CHECK_EQUAL(ipc_cell_open(&cell, name, &value_type, 0, 0), -EACCES);
  reader(after);
}

int main(void) {
  static const mode_t modes[] = { 0600, 0644, 0666 };
  for (int i = 0; i < 3; i++) {
    name = unique_name(i == 0 ? "a" : i == 1 ? "b" : "c");
    ipc_cell_t *cell = open_cell(name, IPC_CREATE, modes[i]);
    for (uint64_t after = 0; after < 20; after++) {
      pid_t child = start_asleep(reader, &after);
      write_value(cell, after + 1);
      FINISH(child);
    }
    if (modes[i] == 0644)
      for (uint64_t after = 20; after < 40; after++) {
        pid_t child = start_asleep(stranger, &after);
        write_value(cell, after + 1);
        FINISH(child);
      }
    CHECK_EQUAL(ipc_cell_close(cell), 0);
  }

  /* In a directory entry that this process may read only. */
  name = unique_name("d");
  ipc_cell_t *cell = open_cell(name, IPC_CREATE, 0400);
  ipc_cell_t *reading = open_cell(name, IPC_READ_ONLY, 0);
  write_value(cell, 1);
  expect_value(reading, 1, 1);
  return 0;
}
