/* A peer that is always ready does not postpone a deadline: a pipe that is refilled at once, a reader that takes everything
 * at once, and a child that writes without end. */
#include "test.h"

#include <fcntl.h>

/* 16 GiB, or a part of what a 32-bit process has. */
enum { PIECE = 1 << 20, PIECES = sizeof(void *) > 4 ? 1 << 14 : 1 << 10 };

/* As many addresses, all of them of one piece of memory. */
static char *endless_buffer(void) {
  int file = memfd_create("piece", MFD_CLOEXEC);
  CHECK(file >= 0 && ftruncate(file, PIECE) == 0);
  char *base = mmap(NULL, (size_t)PIECE * PIECES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(base != MAP_FAILED);
  for (size_t i = 0; i < PIECES; i++)
    CHECK(mmap(base + i * PIECE, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
  close(file);
  return base;
}

static void write_for_ever(void *ends) {
  static char zeros[65536];
  close(((int *)ends)[0]);
  for (;;) (void)!write(((int *)ends)[1], zeros, sizeof zeros);
}

static void read_for_ever(void *ends) {
  static char bytes[65536];
  close(((int *)ends)[1]);
  for (;;) (void)!read(((int *)ends)[0], bytes, sizeof bytes);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it needs 16 GiB of addresses");
  SKIP_UNDER_SANITIZERS("it needs 16 GiB of addresses");
  char *buffer = endless_buffer();
  size_t length = (size_t)PIECE * PIECES;
  int ends[2];

  /* A device that gives 2 GiB in one step, which takes longer than the timeout. */
  int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  CHECK(zeros >= 0);
  CHECK_EQUAL(ipc_read_full(zeros, buffer, length, 20 * MILLISECOND), -ETIMEDOUT);
  close(zeros);

  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  pid_t child = start(write_for_ever, ends);
  wait_until_inside(child, SYS_write);
  CHECK_EQUAL(ipc_read_full(ends[0], buffer, length, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(ipc_last_transferred() > 0 && ipc_last_transferred() < length);
  KILL(child);
  close(ends[0]), close(ends[1]);

  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  child = start(read_for_ever, ends);
  CHECK_EQUAL(ipc_write_full(ends[1], buffer, length, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(ipc_last_transferred() > 0 && ipc_last_transferred() < length);
  KILL(child);
  close(ends[0]), close(ends[1]);

  const char *const yes[] = { "/bin/sh", "-c", "exec yes", NULL };
  ipc_spawn_attr_t attr = { .output = { .kind = IPC_STREAM_PIPE } };
  ipc_child_t *yes_child;
  CHECK_EQUAL(ipc_spawn_with(&yes_child, yes, 0, &attr), 0);
  CHECK_EQUAL(ipc_child_communicate(yes_child, &(ipc_exchange_t){ .output = NULL }, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_child_communicate(yes_child, &(ipc_exchange_t){ .output = NULL }, 0), -EAGAIN);
  CHECK_EQUAL(ipc_child_kill(yes_child, SIGKILL), 0);
  CHECK_EQUAL(ipc_child_close(yes_child), 0);
  return 0;
}
