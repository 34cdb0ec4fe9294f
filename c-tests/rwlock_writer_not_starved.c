/* Readers that overlap each other all the time do not keep a writer out: it gets in while none of them ever
 * lets the lock be without a reader by itself. */
#include "asleep.h"

static struct {
  ipc_rwlock_t rwlock;
  int token, written;
} *shared;

/* Two readers pass a token: each lets go only when the other has the lock, or has been kept out by the
 * writer for as long as it takes. Without a writer there is a reader inside at every moment. */
static void reader(void *which) {
  int me = *(int *)which;
  for (int round = 0;; round++) {
    CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), 0);
    int written = __atomic_load_n(&shared->written, __ATOMIC_SEQ_CST);
    __atomic_store_n(&shared->token, me, __ATOMIC_SEQ_CST);
    if (written) {
      CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
      return;
    }
    /* The other is inside when it has taken the token; 1000 looks mean that a writer keeps it out. */
    for (int i = 0; i < 1000 && __atomic_load_n(&shared->token, __ATOMIC_SEQ_CST) == me; i++) sched_yield();
    CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  }
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_rwlock_init(&shared->rwlock), 0);
  int ids[2] = {1, 2};
  pid_t readers[2];
  for (int i = 0; i < 2; i++) readers[i] = start(reader, &ids[i]);
  /* Both have been inside. */
  for (int seen = 0; seen != 3; sched_yield()) seen |= __atomic_load_n(&shared->token, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 100; i++) {
    CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, PATIENCE), 0);
    CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  }
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, PATIENCE), 0);
  __atomic_store_n(&shared->written, 1, __ATOMIC_SEQ_CST);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  for (int i = 0; i < 2; i++) FINISH(readers[i]);
  return 0;
}
