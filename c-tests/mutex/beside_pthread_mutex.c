/* This library's mutex and a robust pthread mutex share the thread's robust list. In every order of locking and
 * unlocking, all that are held when the process is killed are recovered, of both kinds. */
#include "test.h"
#include <pthread.h>

enum { STEPS = 8 };

typedef struct {
  ipc_mutex_t ours[2];
  pthread_mutex_t theirs[2];
  int steps; /* each step toggles one of the four locks, which is chosen by two bits of this number */
} Shared;

static void victim(void *argument) {
  Shared *shared = argument;
  int held[4] = { 0 };
  for (int i = 0; i < STEPS; i++) {
    int which = shared->steps >> 2 * i & 3;
    if (which < 2)
      CHECK_EQUAL(
        held[which] ? ipc_mutex_unlock(&shared->ours[which])
                    : ipc_mutex_lock(&shared->ours[which], IPC_FOREVER),
        0);
    else
      CHECK_EQUAL(
        held[which] ? pthread_mutex_unlock(&shared->theirs[which - 2])
                    : pthread_mutex_lock(&shared->theirs[which - 2]),
        0);
    held[which] ^= 1;
  }
  raise(SIGKILL);
}

int main(void) {
  Shared *shared = shared_memory(sizeof *shared);
  pthread_mutexattr_t attributes;
  CHECK_EQUAL(pthread_mutexattr_init(&attributes), 0);
  CHECK_EQUAL(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
  CHECK_EQUAL(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_mutex_init(&shared->ours[i], NULL), 0);
    CHECK_EQUAL(pthread_mutex_init(&shared->theirs[i], &attributes), 0);
  }
  /* A few hundred of the 65536 orders. The step has no factor in common with their number. */
  for (int order = 0; order < 1 << 2 * STEPS; order += is_under_valgrind() ? 1511 : 151) {
    shared->steps = order;
    int held[4] = { 0 };
    for (int i = 0; i < STEPS; i++) held[order >> 2 * i & 3] ^= 1;
    int status = wait_for(start(victim, shared));
    if (!WIFSIGNALED(status)) test_failed(__FILE__, __LINE__, "order %#x: %#x", order, status);
    for (int i = 0; i < 4; i++) {
      int result;
      if (i < 2) {
        result = ipc_mutex_lock(&shared->ours[i], PATIENCE);
        if (result == IPC_OWNER_DIED) CHECK_EQUAL(ipc_mutex_consistent(&shared->ours[i]), 0);
        CHECK_EQUAL(ipc_mutex_unlock(&shared->ours[i]), 0);
      } else {
        result = pthread_mutex_lock(&shared->theirs[i - 2]);
        if (result == EOWNERDEAD)
          CHECK_EQUAL(pthread_mutex_consistent(&shared->theirs[i - 2]), 0);
        CHECK_EQUAL(pthread_mutex_unlock(&shared->theirs[i - 2]), 0);
      }
      int expected = !held[i] ? 0 : i < 2 ? IPC_OWNER_DIED : EOWNERDEAD;
      if (result != expected)
        test_failed(__FILE__, __LINE__, "order %#x, lock %d: %d, not %d", order, i, result, expected);
    }
  }
  return 0;
}
