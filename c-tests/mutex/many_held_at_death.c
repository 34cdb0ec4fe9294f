/* A process is killed while it holds many locks, ours and libc's mixed, after it has unlocked some of them in another
 * order. Exactly the locks that it held are recovered. */
#include "test.h"
#include <pthread.h>

enum { LOCKS = 300 };

typedef struct {
  ipc_mutex_t ours[LOCKS];
  pthread_mutex_t theirs[LOCKS];
  char ours_held[LOCKS], theirs_held[LOCKS];
} Shared;

static unsigned long long state;

/* xorshift64: bounded, repeatable. */
static unsigned chance(unsigned below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state % below);
}

static void victim(void *argument) {
  Shared *shared = argument;
  for (int step = 0; step < 6 * LOCKS; step++) {
    unsigned i = chance(LOCKS);
    if (chance(2)) {
      if (shared->ours_held[i]) CHECK_EQUAL(ipc_mutex_unlock(&shared->ours[i]), 0);
      else CHECK_EQUAL(ipc_mutex_lock(&shared->ours[i], IPC_FOREVER), 0);
      shared->ours_held[i] ^= 1;
    } else {
      if (shared->theirs_held[i]) CHECK_EQUAL(pthread_mutex_unlock(&shared->theirs[i]), 0);
      else CHECK_EQUAL(pthread_mutex_lock(&shared->theirs[i]), 0);
      shared->theirs_held[i] ^= 1;
    }
  }
  raise(SIGKILL);
}

int main(void) {
  for (unsigned long long seed = 1; seed <= 8; seed++) {
    printf("seed %llu\n", seed);
    Shared *shared = shared_memory(sizeof *shared);
    pthread_mutexattr_t attributes;
    CHECK_EQUAL(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQUAL(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQUAL(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    for (int i = 0; i < LOCKS; i++) {
      ipc_mutex_attr_t attr = { .flags = i % 3 == 0 ? IPC_MUTEX_PRIORITY_INHERIT : 0 };
      int protocol = i % 5 == 0 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE;
      CHECK_EQUAL(ipc_mutex_init(&shared->ours[i], &attr), 0);
      CHECK_EQUAL(pthread_mutexattr_setprotocol(&attributes, protocol), 0);
      CHECK_EQUAL(pthread_mutex_init(&shared->theirs[i], &attributes), 0);
    }
    state = seed * 0x9e3779b97f4a7c15ull;
    int status = wait_for(start(victim, shared));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    int held = 0;
    for (int i = 0; i < LOCKS; i++) {
      held += shared->ours_held[i] + shared->theirs_held[i];
      CHECK_EQUAL(
        ipc_mutex_lock(&shared->ours[i], PATIENCE), shared->ours_held[i] ? IPC_OWNER_DIED : 0);
      CHECK_EQUAL(
        pthread_mutex_lock(&shared->theirs[i]), shared->theirs_held[i] ? EOWNERDEAD : 0);
      if (shared->ours_held[i]) CHECK_EQUAL(ipc_mutex_consistent(&shared->ours[i]), 0);
      if (shared->theirs_held[i]) CHECK_EQUAL(pthread_mutex_consistent(&shared->theirs[i]), 0);
    }
    CHECK(held > LOCKS / 2);
    for (int i = 0; i < LOCKS; i++) {
      CHECK_EQUAL(ipc_mutex_unlock(&shared->ours[i]), 0);
      CHECK_EQUAL(pthread_mutex_unlock(&shared->theirs[i]), 0);
    }
    CHECK_EQUAL(munmap(shared, sizeof *shared), 0);
  }
  return 0;
}
