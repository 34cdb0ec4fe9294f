/* ipc_barrier(3), sentence by sentence. */
#include "page.h"

static ipc_barrier_t *pair, *single, *other;

static void init_pair(void *memory) { CHECK_EQUAL(ipc_barrier_init(memory, 2), 0); }

static void join_and_stop(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_barrier_join(pair), 0);
  stop_here();
}

static void not_a_participant(void *unused) {
  (void)unused;
  CLAIM("After fork(2) the child is not a participant, even if its parent is one.");
  CHECK_EQUAL(ipc_barrier_leave(single), -EPERM);
  CLAIM("the barrier has all its participants, and this thread is none of them");
  CHECK_EQUAL(ipc_barrier_join(single), -EBUSY);
  CHECK_EQUAL(ipc_barrier_wait(single, 0), -EBUSY);
}

static void arrive(void *serial) {
  int result = ipc_barrier_wait(pair, PATIENCE);
  CHECK(result == 0 || result == IPC_BARRIER_SERIAL);
  *(_Atomic int *)serial += result == IPC_BARRIER_SERIAL;
  CHECK_EQUAL(ipc_barrier_leave(pair), 0);
}

static void wait_interrupted(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_barrier_wait(pair, PATIENCE), -EINTR);
  CLAIM("The thread has then not arrived, and calls again.");
  CHECK_EQUAL(ipc_barrier_wait(pair, 0), -EAGAIN);
  CHECK_EQUAL(ipc_barrier_leave(pair), 0);
  _exit(0);
}

static void faults(void) {
  CLAIM("It takes 2048 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_barrier_t), 2048);
  CHECK_EQUAL(_Alignof(ipc_barrier_t), 8);
  CLAIM("count is 1 to IPC_BARRIER_COUNT_MAX (31)");
  CHECK_EQUAL(IPC_BARRIER_COUNT_MAX, 31);
  CHECK_EQUAL(ipc_barrier_init(other, 0), -EINVAL);
  CHECK_EQUAL(ipc_barrier_init(other, 32), -EINVAL);
  CLAIM("barrier is NULL, misaligned or not initialised, count is out of range, or timeout_ns is invalid");
  CHECK_EQUAL(ipc_barrier_wait(NONE(ipc_barrier_t), 0), -EINVAL);
  CHECK_EQUAL(ipc_barrier_join(MISALIGNED(ipc_barrier_t)), -EINVAL);
  CHECK_EQUAL(ipc_barrier_join(other), -EINVAL);
  CHECK_EQUAL(ipc_barrier_wait(pair, INT64_MIN), -EINVAL);
  CLAIM("The memory holds something other than a barrier of this library's version and C library, or a damaged barrier.");
  CHECK_EQUAL(ipc_permits_init((ipc_permits_t *)other, 2), 0);
  CHECK_EQUAL(ipc_barrier_join(other), -EPROTO);
  CLAIM("The barrier lies in memory that was opened with IPC_READ_ONLY, and the call has to write to it.");
  CHECK_EQUAL(ipc_barrier_join(read_only_copy(unique_name("page"), sizeof(ipc_barrier_t), init_pair)), -EACCES);
}

int main(void) {
  pair = shared_memory(sizeof *pair), single = shared_memory(sizeof *single), other = shared_memory(sizeof *other);
  _Atomic int *serials = shared_memory(sizeof *serials);
  init_pair(pair);
  CHECK_EQUAL(ipc_barrier_init(single, 1), 0);
  faults();
  CLAIM("ipc_barrier_wait() also returns IPC_BARRIER_SERIAL (3), to exactly one participant in each completed round.");
  CHECK_EQUAL(IPC_BARRIER_SERIAL, 3);
  CHECK_EQUAL(ipc_barrier_wait(single, 0), IPC_BARRIER_SERIAL);
  CHECK_EQUAL(ipc_barrier_wait(single, 0), IPC_BARRIER_SERIAL);
  FINISH(start(not_a_participant, NULL));
  CLAIM("ipc_barrier_init() and ipc_barrier_destroy(): the barrier has participants.");
  CHECK_EQUAL(ipc_barrier_destroy(single), -EBUSY);
  CHECK_EQUAL(ipc_barrier_init(single, 1), -EBUSY);
  CHECK_EQUAL(ipc_barrier_leave(single), 0);
  CLAIM("this thread is not a participant");
  CHECK_EQUAL(ipc_barrier_leave(single), -EPERM);
  CHECK_EQUAL(ipc_barrier_destroy(single), 0);

  CLAIM("If it is 0, the call only checks whether this thread is the last to arrive.");
  CHECK_EQUAL(ipc_barrier_wait(pair, 0), -EAGAIN);
  CLAIM("A participant whose wait fails has not arrived, and stays a participant.");
  CHECK_EQUAL(ipc_barrier_wait(pair, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_barrier_join(pair), 0);
  CHECK_EQUAL(ipc_barrier_leave(pair), 0);
  pid_t children[2];
  for (int i = 0; i < 2; i++) children[i] = start(arrive, serials);
  for (int i = 0; i < 2; i++) FINISH(children[i]);
  CHECK_EQUAL(*serials, 1);

  handle_usr1(0);
  CLAIM("ipc_barrier_wait() returns -EINTR if a signal handler ran while it slept.");
  check_interrupted(wait_interrupted);

  CLAIM("If no participant died, it changes nothing.");
  CHECK_EQUAL(ipc_barrier_join(pair), 0);
  CHECK_EQUAL(ipc_barrier_reset(pair), 0);
  KILL(start_stopped(join_and_stop, NULL));
  CLAIM("If a participant dies, whether it was waiting or not, the round is broken.");
  CHECK_EQUAL(ipc_barrier_wait(pair, PATIENCE), -EOWNERDEAD);
  CLAIM("Every participant's wait fails with -EOWNERDEAD, also a wait that begins later, until a process calls ipc_barrier_reset().");
  CHECK_EQUAL(ipc_barrier_wait(pair, PATIENCE), -EOWNERDEAD);
  CHECK_EQUAL(ipc_barrier_reset(pair), 0);
  CLAIM("The living participants stay participants.");
  CHECK_EQUAL(ipc_barrier_wait(pair, 0), -EAGAIN);
  CHECK_EQUAL(ipc_barrier_leave(pair), 0);
  CHECK_EQUAL(ipc_barrier_destroy(pair), 0);
  return 0;
}
