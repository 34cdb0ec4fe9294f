/* Every placed type is overwritten anywhere, list links included, while processes make every call on it. Nothing crashes, nothing
 * outside the memory is touched (it ends at an inaccessible page), no call misses its deadline, no call returns -EIO.
 * See fuzz.h for the arguments. */
#include "fuzz.h"

#include <limits.h>
#include <linux/futex.h>

typedef struct {
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
  ipc_once_t once;
  ipc_event_t event;
  ipc_sem_t sem;
  ipc_cond_t cond;
  ipc_mutex_t mutex, recursive, inheriting, second;
} Placed;

/* How long a round lasts. */
#define ROUND (80 * MILLISECOND)

static Placed *placed;

/* The places that this process's caller holds, of types with several holders. */
static unsigned permits[4];
static unsigned permit_count;

static void once(void *context) { (void)context; }

static void init(void) {
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE }, inheriting = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  memset(placed, 0, sizeof *placed);
  CHECK_EQUAL(ipc_mutex_init(&placed->mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&placed->second, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&placed->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_mutex_init(&placed->inheriting, &inheriting), 0);
  CHECK_EQUAL(ipc_cond_init(&placed->cond), 0);
  CHECK_EQUAL(ipc_sem_init(&placed->sem, 1), 0);
  CHECK_EQUAL(ipc_event_init(&placed->event, 0), 0);
  CHECK_EQUAL(ipc_rwlock_init(&placed->rwlock), 0);
  CHECK_EQUAL(ipc_permits_init(&placed->permits, 3), 0);
  CHECK_EQUAL(ipc_barrier_init(&placed->barrier, 2), 0);
}

static void call_mutex(int64_t timeout) {
  ipc_mutex_t *all[] = { &placed->mutex, &placed->second, &placed->recursive, &placed->inheriting }, *mutex = all[below(4)];
  switch (below(8)) {
    case 0:
    case 1: FUZZ_WITHIN(timeout, ipc_mutex_lock(mutex, timeout)); break;
    case 2:
    case 3:
    case 4: FUZZ(ipc_mutex_unlock(mutex)); break;
    case 5: FUZZ(ipc_mutex_consistent(mutex)); break;
    case 6:
      /* It returns with the mutex locked, however long another thread holds that. */
      FUZZ_WITHIN(timeout + ROUND, ipc_cond_wait(&placed->cond, &placed->mutex, timeout));
      break;
    default:
      if (below(2)) FUZZ(ipc_cond_signal(&placed->cond));
      else FUZZ(ipc_cond_broadcast(&placed->cond));
  }
}

static void call_shared_locks(int64_t timeout) {
  unsigned number = below(3);
  int result = 0;
  switch (below(11)) {
    case 0: FUZZ_WITHIN(timeout, ipc_rwlock_read_lock(&placed->rwlock, timeout)); break;
    case 1: FUZZ_WITHIN(timeout, ipc_rwlock_write_lock(&placed->rwlock, timeout)); break;
    case 2:
    case 3: FUZZ(ipc_rwlock_unlock(&placed->rwlock)); break;
    case 4: FUZZ(ipc_rwlock_consistent(&placed->rwlock)); break;
    case 5:
      FUZZ_WITHIN(timeout, result = ipc_permits_take(&placed->permits, &number, timeout));
      if (result >= 0 && permit_count < 4) permits[permit_count++] = number;
      break;
    case 6: FUZZ(ipc_permits_give(&placed->permits, permit_count > 0 ? permits[--permit_count] : number)); break;
    case 7: FUZZ(ipc_permits_free(&placed->permits, &number)); break;
    case 8: FUZZ_WITHIN(timeout, ipc_barrier_wait(&placed->barrier, timeout)); break;
    case 9:
      if (below(2)) FUZZ(ipc_barrier_join(&placed->barrier));
      else FUZZ(ipc_barrier_leave(&placed->barrier));
      break;
    default: FUZZ(ipc_barrier_reset(&placed->barrier));
  }
}

static void call_others(int64_t timeout) {
  unsigned value;
  ipc_shm_t *shm = NULL;
  switch (below(9)) {
    case 0: FUZZ_WITHIN(timeout, ipc_sem_wait(&placed->sem, timeout)); break;
    case 1: FUZZ(ipc_sem_post(&placed->sem)); break;
    case 2: FUZZ(ipc_sem_value(&placed->sem, &value)); break;
    case 3: FUZZ_WITHIN(timeout, ipc_event_wait(&placed->event, timeout)); break;
    case 4: FUZZ(ipc_event_set(&placed->event)); break;
    case 5: FUZZ(ipc_event_reset(&placed->event)); break;
    case 6: FUZZ(ipc_event_is_set(&placed->event)); break;
    case 7: FUZZ_WITHIN(timeout, ipc_once(&placed->once, once, NULL, timeout)); break;
    default:
      /* A call that looks for locks of this thread, in an object of its own. */
      if (below(8) != 0 || ipc_shm_anonymous(&shm, 100) < 0) break;
      CHECK_EQUAL(ipc_mutex_init(ipc_shm_data(shm), NULL), 0);
      FUZZ(ipc_mutex_lock(ipc_shm_data(shm), 0));
      CHECK_EQUAL(ipc_shm_close(shm), -EBUSY);
      CHECK_EQUAL(ipc_mutex_unlock(ipc_shm_data(shm)), 0);
      FUZZ(ipc_shm_close(shm));
  }
}

static void call(int64_t until) {
  while (now_ns() < until) {
    int64_t timeout = fuzz_timeout();
    switch (below(4)) {
      case 0:
      case 1: call_mutex(timeout); break;
      case 2: call_shared_locks(timeout); break;
      default: call_others(timeout);
    }
  }
}

static void overwrite(const pid_t *ids, int count) {
  /* Half of them hit the mutexes, which are small. */
  size_t start = below(2) ? offsetof(Placed, once) : 0;
  fuzz_hit((char *)placed, sizeof *placed, start + below((unsigned)(sizeof *placed - start)), ids, count);
}

/* A wait on a condition variable returns only with its mutex locked, and a living thread's id in the mutex's word looks as if that
 * thread held it. So no such id stays there for ever. */
static void settle(void) {
  const int place = IS_MUSL ? 5 : 0; /* of the lock word */
  uint32_t *word = (uint32_t *)(void *)&placed->mutex + place;
  memcpy(word, (uint32_t[]){ 0 }, sizeof(uint32_t));
  /* A waiter sleeps until it is woken, and what overwrites a word wakes nobody. */
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void one_round(uint64_t seed) {
  init();
  fuzz_round(seed, 2 + (int)below(3), now_ns() + ROUND, call, overwrite, settle);
}

int main(int argc, char **argv) {
  SKIP_UNDER_VALGRIND("the library asks the kernel about addresses that lead nowhere");
  placed = (Placed *)(void *)fuzz_guarded(sizeof(Placed));
  return fuzz_main(argc, argv, one_round);
}
