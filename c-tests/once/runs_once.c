/* Of many simultaneous callers, in zeroed memory, one runs the initialisation, and all see its results. */
#include "test.h"

static struct {
  ipc_once_t once;
  int go, runs, ran;
} *shared;

static void initialise(void *context) {
  CHECK(context == &shared->runs);
  CHECK_EQUAL(ipc_once(&shared->once, initialise, context, IPC_FOREVER), -EDEADLK);
  shared->runs++;
}

static void caller(void *unused) {
  (void)unused;
  while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE)) continue;
  int result = ipc_once(&shared->once, initialise, &shared->runs, PATIENCE);
  CHECK(result == 0 || result == IPC_ONCE_RAN);
  CHECK_EQUAL(shared->runs, 1);
  if (result == IPC_ONCE_RAN) __atomic_add_fetch(&shared->ran, 1, __ATOMIC_RELAXED);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  pid_t children[8];
  for (int i = 0; i < 8; i++) children[i] = start(caller, NULL);
  __atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < 8; i++) FINISH(children[i]);
  CHECK_EQUAL(shared->ran, 1);
  CHECK_EQUAL(ipc_once(&shared->once, initialise, &shared->runs, 0), 0);
  CHECK_EQUAL(ipc_once(&shared->once, initialise, &shared->runs, -2), -EINVAL);
  CHECK_EQUAL(ipc_once(&shared->once, NULL, NULL, 0), -EINVAL);
  return 0;
}
