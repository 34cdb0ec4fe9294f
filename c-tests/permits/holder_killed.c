/* The permit of a killed holder comes back, to a sleeping taker at once, and its next holder learns of the death. A
 * stopped holder keeps its permit. */
#include "asleep.h"

static struct {
  ipc_permits_t permits;
  unsigned number;
} *shared;

static void holder(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &shared->number, PATIENCE), 0);
  stop_here();
}

static void late(void *number) {
  unsigned permit = 99;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &permit, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(permit, *(unsigned *)number);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, permit), 0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_permits_init(&shared->permits, 3), 0);
  pid_t holders[3];
  unsigned numbers[3], free_count = 99, unused = 99;
  for (int i = 0; i < 3; i++) {
    holders[i] = start_stopped(holder, NULL);
    numbers[i] = shared->number;
  }
  CHECK_EQUAL(1u << numbers[0] | 1u << numbers[1] | 1u << numbers[2], 7);
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &unused, 0), -EAGAIN);
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &unused, 10 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(unused, 99);

  pid_t waiting = start_asleep(late, &numbers[1]);
  KILL(holders[1]);
  FINISH(waiting);

  /* The death is reported once, and the next holder gets an ordinary result. A dead holder's permit is granted before a
   * free one. */
  KILL(holders[0]);
  CHECK_EQUAL(ipc_permits_free(&shared->permits, &free_count), 0);
  CHECK_EQUAL(free_count, 2);
  unsigned first, second;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &first, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(first, numbers[0]);
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &second, 0), 0);
  CHECK_EQUAL(second, numbers[1]);
  KILL(holders[2]);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, numbers[2]), -EPERM);
  CHECK_EQUAL(ipc_permits_destroy(&shared->permits), -EBUSY);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, first), 0);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, first), -EPERM);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, second), 0);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, 3), -EINVAL);
  CHECK_EQUAL(ipc_permits_destroy(&shared->permits), 0);
  return 0;
}
