/* Four processes change one number under a mutex, for every kind of mutex, and no change is lost. */
#include "test.h"

enum { CHILDREN = 4, ROUNDS = 1000 };

typedef struct {
  ipc_mutex_t mutex;
  volatile long number;
} Shared;

static void worker(void *argument) {
  Shared *shared = argument;
  for (int i = 0; i < ROUNDS; i++) {
    /* A try, a timeout, and a lock without a limit. */
    int result;
    do {
      result = ipc_mutex_lock(&shared->mutex, i % 3 == 0 ? 0 : i % 3 == 1 ? 1000 : IPC_FOREVER);
    } while (result == -EAGAIN || result == -ETIMEDOUT);
    CHECK_EQUAL(result, 0);
    long before = shared->number;
    if (i % 64 == 0) sched_yield();
    shared->number = before + 1;
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  }
}

int main(void) {
  static const int kinds[] = { 0, IPC_MUTEX_RECURSIVE, IPC_MUTEX_PRIORITY_INHERIT };
  for (int kind = 0; kind < 3; kind++) {
    Shared *shared = shared_memory(sizeof *shared);
    ipc_mutex_attr_t attr = { .flags = kinds[kind] };
    CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &attr), 0);
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) children[i] = start(worker, shared);
    for (int i = 0; i < CHILDREN; i++) FINISH(children[i]);
    CHECK_EQUAL(shared->number, CHILDREN * ROUNDS);
  }
  return 0;
}
