/* A participant that times out has not arrived. The others do not go on without it, however often it tries, and no
 * round is complete for one participant and timed out for another. */
#include "test.h"

enum { ROUNDS = 2000 };

static struct {
  ipc_barrier_t barrier;
  int passed[2];
} *shared;

/* Passes ROUNDS rounds by short attempts. Each attempt at a round is longer than the one before, because both
 * participants have to be there at once, and how long that takes depends on the machine. */
static void impatient(void *which) {
  int me = *(int *)which;
  for (int round = 0; round < ROUNDS;) {
    int64_t timeout_ns = round % 3 ? 20000 : 0;
    int result;
    while ((result = ipc_barrier_wait(&shared->barrier, timeout_ns)) == -ETIMEDOUT || result == -EAGAIN)
      timeout_ns = timeout_ns * 5 / 4 + 1000;
    CHECK(result == 0 || result == IPC_BARRIER_SERIAL);
    __atomic_store_n(&shared->passed[me], ++round, __ATOMIC_SEQ_CST);
    int other = __atomic_load_n(&shared->passed[!me], __ATOMIC_SEQ_CST);
    CHECK(other >= round - 1 && other <= round + 1);
  }
  CHECK_EQUAL(ipc_barrier_leave(&shared->barrier), 0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_barrier_init(&shared->barrier, 2), 0);
  int ids[2] = {0, 1};
  pid_t children[2];
  for (int i = 0; i < 2; i++) children[i] = start(impatient, &ids[i]);
  for (int i = 0; i < 2; i++) FINISH(children[i]);
  CHECK_EQUAL(shared->passed[0], ROUNDS);
  CHECK_EQUAL(shared->passed[1], ROUNDS);
  return 0;
}
