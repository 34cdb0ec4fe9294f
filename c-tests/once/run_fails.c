/* A run of ipc_once_try() that fails gives its error to its own call only: the initialisation has not run, and a waiter or
 * the next caller runs it. */
#include "asleep.h"

static struct {
  ipc_once_t once;
  int runs, result, is_inside, may_end;
} *shared;

static int run(void *context) {
  CHECK(context == &shared->result);
  CHECK_EQUAL(ipc_once_try(&shared->once, run, context, IPC_FOREVER), -EDEADLK);
  shared->runs++;
  return shared->result;
}

static void runs_well(void *context) { ++*(int *)context; }

static int fails_late(void *unused) {
  (void)unused;
  __atomic_store_n(&shared->is_inside, 1, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&shared->may_end, __ATOMIC_ACQUIRE)) sched_yield();
  return -EIO;
}

static void slow(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_once_try(&shared->once, fails_late, NULL, IPC_FOREVER), -EIO);
}

static void waits(void *unused) {
  (void)unused;
  shared->result = 7;
  CHECK_EQUAL(ipc_once_try(&shared->once, run, &shared->result, PATIENCE), IPC_ONCE_RAN);
}

static int succeeds(void *unused) { return unused == NULL ? 0 : 1; }

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_once_try(NULL, run, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_once_try(&shared->once, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_once_try(&shared->once, run, &shared->result, -2), -EINVAL);
  CHECK_EQUAL(ipc_once_try((ipc_once_t *)((char *)&shared->once + 1), run, &shared->result, 0), -EINVAL);
  CHECK_EQUAL(shared->runs, 0);
  shared->result = -ENOSPC;
  CHECK_FAILS(ipc_once_try(&shared->once, run, &shared->result, 0), -ENOSPC, "run returned -28");
  shared->result = -5000;
  CHECK_FAILS(ipc_once_try(&shared->once, run, &shared->result, 0), -EINVAL, "has not run");
  CHECK_EQUAL(shared->runs, 2);

  /* A waiter takes the run over. */
  pid_t runner = start(slow, NULL);
  while (!__atomic_load_n(&shared->is_inside, __ATOMIC_ACQUIRE)) sched_yield();
  CHECK_EQUAL(ipc_once_try(&shared->once, run, &shared->result, 0), -EAGAIN);
  pid_t waiter = start_asleep(waits, NULL);
  __atomic_store_n(&shared->may_end, 1, __ATOMIC_RELEASE);
  FINISH(runner);
  FINISH(waiter);
  CHECK_EQUAL(shared->runs, 3);

  /* It has run, for both kinds of call. */
  shared->result = -EIO;
  CHECK_EQUAL(ipc_once_try(&shared->once, run, &shared->result, 0), 0);
  CHECK_EQUAL(ipc_once(&shared->once, runs_well, &shared->runs, 0), 0);
  CHECK_EQUAL(shared->runs, 3);
  memset(&shared->once, 0, sizeof shared->once);
  CHECK_EQUAL(ipc_once_try(&shared->once, succeeds, NULL, 0), IPC_ONCE_RAN);
  CHECK_EQUAL(ipc_once_try(&shared->once, NULL, NULL, 0), -EINVAL);
  return 0;
}
