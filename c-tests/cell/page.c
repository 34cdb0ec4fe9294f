/* ipc_cell(3), sentence by sentence. Other tests of this folder have deaths, damage and readers without permissions. */
#include "page.h"

#include <poll.h>
#include <sys/stat.h>

static const ipc_type_t type = IPC_TYPE(int, 1), wrong = IPC_TYPE(long, 1);
static const char *name;
static ipc_cell_t *cell;

static int change(void *value, void *context) {
  int before;
  CLAIM("readers see the value before until change has returned");
  CHECK_EQUAL(ipc_cell_read(cell, &before, NULL), 0);
  CHECK_EQUAL(before, *(int *)value);
  CLAIM("This thread is writing the cell already");
  CHECK_EQUAL(ipc_cell_write(cell, &before), -EDEADLK);
  *(int *)value += 1;
  return *(int *)context;
}

static int change_first(void *value, void *context) {
  (void)context;
  CLAIM("Before the first value, the copy is all zeros.");
  CHECK_EQUAL(*(int *)value, 0);
  return -EPERM;
}

static void wait_interrupted(void *unused) {
  (void)unused;
  int value;
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 1000, NULL, PATIENCE), -EINTR);
  _exit(0);
}

static uint64_t up(uint64_t number, uint64_t to) { return (number + to - 1) / to * to; }

static void sizes(void) {
  CLAIM("total = data, rounded up to whole pages, + 4096");
  static const uint64_t bytes[] = { 1, 64, 100, 4000, 4096, 10000 }, alignments[] = { 1, 16, 64, 256 };
  for (size_t i = 0; i < 6; i++)
    for (size_t j = 0; j < 4; j++) {
      ipc_type_t of = { "Bytes", 1, 0, (size_t)up(bytes[i], alignments[j]), (size_t)alignments[j], { { NULL, 0, 0 } } };
      uint64_t a = of.alignment > 64 ? of.alignment : 64, h = of.alignment > 16 ? of.alignment : 16;
      uint64_t stride = up(h + of.size, a), slots = stride > 4096 ? 4 : 8, data = up(2336, a) + slots * stride;
      ipc_cell_t *sized;
      const char *sized_name = "/dev/shm/ripc-test-%d-sized";
      char path[64];
      snprintf(path, sizeof path, sized_name, (int)getpid());
      CHECK_EQUAL(ipc_cell_open(&sized, path + 8, &of, IPC_CREATE, 0600), IPC_CREATED);
      struct stat status;
      CHECK_EQUAL(stat(path, &status), 0);
      CHECK_EQUAL(status.st_size, up(data, (uint64_t)sysconf(_SC_PAGESIZE)) + 4096);
      CHECK_EQUAL(ipc_cell_close(sized), 0);
      CHECK_EQUAL(ipc_cell_unlink(path + 8), 0);
    }
}

int main(void) {
  name = unique_name("page");
  int value = 0, zero = 0;
  ipc_sample_t info;
  ipc_cell_t *other;
  CLAIM("There is no such cell.");
  CHECK_EQUAL(ipc_cell_open(&cell, name, &type, 0, 0), -ENOENT);
  CLAIM("mode has the exact permissions of a cell that the call creates.");
  mode_t before = umask(0777);
  CHECK_EQUAL(ipc_cell_open(&cell, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  umask(before);
  CLAIM("A new cell holds no value.");
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), -ENODATA);
  CLAIM("If change returns a negative error, nothing is written, and the call returns that error.");
  CHECK_EQUAL(ipc_cell_update(cell, change_first, NULL), -EPERM);
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), -ENODATA);
  CLAIM("A program that declares another type than the creator is refused.");
  CHECK_EQUAL(ipc_cell_open(&other, name, &wrong, 0, 0), -EPROTO);
  CLAIM("The name exists and flags has IPC_EXCLUSIVE.");
  CHECK_EQUAL(ipc_cell_open(&other, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CLAIM("its number is the number of the value, from 1 on without gaps, and its time_ns is the time of the writing on the monotonic clock");
  for (int i = 1; i <= 20; i++) {
    int64_t begin = now_ns();
    CHECK_EQUAL(ipc_cell_write(cell, &i), 0);
    CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
    CHECK_EQUAL(value, i);
    CHECK_EQUAL(info.number, i);
    CHECK(info.time_ns >= begin && info.time_ns <= now_ns());
  }
  CHECK_EQUAL(ipc_cell_update(cell, change, &zero), 0);
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(value, 21);
  int failure = -ECANCELED;
  CHECK_EQUAL(ipc_cell_update(cell, change, &failure), -ECANCELED);
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(value, 21);
  CHECK_EQUAL(info.number, 21);
  CLAIM("waits until there is a value with a higher number than after, and copies the latest");
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 5, &info, 0), 0);
  CHECK_EQUAL(value, 21);
  CLAIM("info->missed is how many values were written between the two");
  CHECK_EQUAL(info.missed, 15);
  CLAIM("there is no newer value and timeout_ns is 0");
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 21, &info, 0), -EAGAIN);
  CLAIM("no newer value came in time");
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 21, &info, MILLISECOND), -ETIMEDOUT);
  CLAIM("It is readable while the cell holds a value that this handle has not read.");
  int fd = ipc_cell_fd(cell);
  CHECK(fd >= 3);
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  CHECK_EQUAL(ipc_cell_write(cell, &value), 0);
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), 0);
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  CLAIM("ipc_cell_wait(): a signal handler ran during the wait.");
  handle_usr1(0);
  check_interrupted(wait_interrupted);
  CLAIM("the handle was opened with IPC_READ_ONLY");
  CHECK_EQUAL(ipc_cell_open(&other, name, &type, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_cell_write(other, &value), -EBADF);
  CHECK_EQUAL(ipc_cell_update(other, change, &zero), -EBADF);
  CHECK_EQUAL(ipc_cell_read(other, &value, NULL), 0);
  CHECK_EQUAL(ipc_cell_close(other), 0);
  CLAIM("An argument is NULL or malformed.");
  CHECK_EQUAL(ipc_cell_open(NULL, name, &type, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_cell_open(&other, "/a/b", &type, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_cell_write(cell, NULL), -EINVAL);
  CHECK_EQUAL(ipc_cell_update(cell, NULL, NULL), -EINVAL);
  CLAIM("returns 1 if the cell is stale and 0 if it is not");
  CHECK_EQUAL(ipc_cell_stale(cell), 0);
  CLAIM("processes that have the cell open keep it");
  CHECK_EQUAL(ipc_cell_unlink(name), 0);
  CHECK_EQUAL(ipc_cell_stale(cell), 1);
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), 0);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  CLAIM("The handle is closed.");
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), -EBADF);
  sizes();
  return 0;
}
