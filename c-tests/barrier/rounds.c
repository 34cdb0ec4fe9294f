/* In each round, no participant goes on before all have arrived, and exactly one learns that it was the last. */
#include "test.h"

enum { PARTICIPANTS = 5, ROUNDS = 300 };

static struct {
  ipc_barrier_t barrier;
  int arrived[ROUNDS], serial[ROUNDS];
} *shared;

static void participant(void *unused) {
  (void)unused;
  for (int round = 0; round < ROUNDS; round++) {
    __atomic_add_fetch(&shared->arrived[round], 1, __ATOMIC_RELAXED);
    int result = ipc_barrier_wait(&shared->barrier, PATIENCE);
    if (result == IPC_BARRIER_SERIAL)
      __atomic_add_fetch(&shared->serial[round], 1, __ATOMIC_RELAXED);
    else
      CHECK_EQUAL(result, 0);
    CHECK_EQUAL(__atomic_load_n(&shared->arrived[round], __ATOMIC_RELAXED), PARTICIPANTS);
  }
  CHECK_EQUAL(ipc_barrier_leave(&shared->barrier), 0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_barrier_init(&shared->barrier, PARTICIPANTS), 0);
  pid_t children[PARTICIPANTS];
  for (int i = 0; i < PARTICIPANTS; i++) children[i] = start(participant, NULL);
  for (int i = 0; i < PARTICIPANTS; i++) FINISH(children[i]);
  for (int round = 0; round < ROUNDS; round++) CHECK_EQUAL(shared->serial[round], 1);
  CHECK_EQUAL(ipc_barrier_destroy(&shared->barrier), 0);
  return 0;
}
