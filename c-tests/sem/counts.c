/* A placed semaphore counts: only posted permits are taken, by this process and by others, and the value cannot pass
 * its limit. Tries and timeouts return the documented results. */
#include "test.h"

enum { CHILDREN = 6, ROUNDS = 2000 };

typedef struct {
  ipc_sem_t sem, done;
} Shared;

static void taker(void *argument) {
  Shared *shared = argument;
  for (int i = 0; i < ROUNDS; i++) {
    int result;
    do result = ipc_sem_wait(&shared->sem, i % 3 == 0 ? 0 : i % 3 == 1 ? 1000 : PATIENCE);
    while (result == -EAGAIN || result == -ETIMEDOUT);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(ipc_sem_post(&shared->done), 0);
  }
}

static void poster(void *argument) {
  Shared *shared = argument;
  for (int i = 0; i < ROUNDS; i++) CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  unsigned value = 77;
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 2), 0);
  CHECK_EQUAL(ipc_sem_value(&shared->sem, &value), 0);
  CHECK_EQUAL(value, 2);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), 0);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 1), -ETIMEDOUT);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 150 * MILLISECOND), -ETIMEDOUT);
  CHECK_FAILS(ipc_sem_wait(&shared->sem, -2), -EINVAL, "timeout_ns");
  CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
  CHECK_FAILS(ipc_sem_wait(&shared->sem, -2), -EINVAL, "timeout_ns");
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), 0);

  CHECK_FAILS(ipc_sem_init(&shared->done, IPC_SEM_VALUE_MAX + 1u), -EINVAL, "2147483648");
  CHECK_FAILS(ipc_sem_init(&shared->done, UINT32_MAX), -EINVAL, "at most");
  CHECK_EQUAL(ipc_sem_init(&shared->done, IPC_SEM_VALUE_MAX), 0);
  CHECK_FAILS(ipc_sem_post(&shared->done), -EOVERFLOW, "2147483647");
  CHECK_EQUAL(ipc_sem_value(&shared->done, &value), 0);
  CHECK_EQUAL(value, IPC_SEM_VALUE_MAX);
  CHECK_EQUAL(ipc_sem_wait(&shared->done, 0), 0);
  CHECK_EQUAL(ipc_sem_post(&shared->done), 0);

  CHECK_EQUAL(ipc_sem_init(&shared->done, 0), 0);
  pid_t children[CHILDREN];
  for (int i = 0; i < CHILDREN; i++)
    children[i] = start(i % 2 == 0 ? taker : poster, shared);
  for (int i = 0; i < CHILDREN; i++) FINISH(children[i]);
  CHECK_EQUAL(ipc_sem_value(&shared->sem, &value), 0);
  CHECK_EQUAL(value, 0);
  CHECK_EQUAL(ipc_sem_value(&shared->done, &value), 0);
  CHECK_EQUAL(value, CHILDREN / 2 * ROUNDS);
  CHECK_EQUAL(ipc_sem_destroy(&shared->sem), 0);
  CHECK_FAILS(ipc_sem_post(&shared->sem), -EINVAL, "not initialised");
  CHECK_FAILS(ipc_sem_wait(&shared->sem, 0), -EINVAL, "not initialised");
  CHECK_FAILS(ipc_sem_value(&shared->sem, &value), -EINVAL, "not initialised");
  CHECK_FAILS(ipc_sem_destroy(&shared->sem), -EINVAL, "not initialised");
  return 0;
}
