/* The descriptor of a cell is readable while there is a value that its handle has not read, also on a handle for reading
 * only. */
#include "cell.h"

#include <poll.h>

static const char *name;

static int is_readable(int fd, int timeout_ms) {
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  int found = poll(&entry, 1, timeout_ms);
  CHECK(found >= 0);
  return found == 1 && (entry.revents & POLLIN) != 0;
}

static void reader(void *flags) {
  ipc_cell_t *cell = open_cell(name, *(int *)flags, 0);
  int fd = ipc_cell_fd(cell);
  CHECK(fd > 2);
  Value value;
  ipc_sample_t info = { .number = 0 };
  while (info.number < 100) {
    uint64_t last = info.number;
    CHECK(is_readable(fd, 100000));
    int result = ipc_cell_read(cell, &value, &info);
    if (result == -ENODATA) continue;
    CHECK_EQUAL(result, 0);
    check_whole(&value);
    CHECK(info.number >= last);
  }
  CHECK(!is_readable(fd, 0));
}

static void stranger(void *unused) {
  (void)unused;
  CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  CHECK_FAILS(ipc_cell_fd(open_cell(name, IPC_READ_ONLY, 0)), -EACCES, "may not write");
}

int main(void) {
  SKIP_UNDER_VALGRIND("it ends at a mapping that the kernel refuses");
  int flags[] = { 0, IPC_READ_ONLY };
  for (int i = 0; i < 2; i++) {
    name = unique_name(i == 0 ? "a" : "b");
    ipc_cell_t *cell = open_cell(name, IPC_CREATE, 0600), *own = open_cell(name, flags[i], 0);
    int fd = ipc_cell_fd(own);
    CHECK(fd > 2 && !is_readable(fd, 0));
    write_value(cell, 1);
    CHECK(is_readable(fd, 100000));
    write_value(cell, 2);
    expect_value(own, 2, 2);
    CHECK(!is_readable(fd, 0));
    expect_value(own, 2, 2);
    CHECK(!is_readable(fd, 0));
    write_value(cell, 3);
    CHECK(is_readable(fd, 100000));
    pid_t child = start(reader, &flags[i]);
    for (uint64_t number = 4; number <= 100; number++) write_value(cell, number);
    FINISH(child);
  }

  /* A process that may not write cannot mark that it waits. */
  if (geteuid() == 0) {
    name = unique_name("c");
    open_cell(name, IPC_CREATE, 0644);
    FINISH(start(stranger, NULL));
  }
  return 0;
}
