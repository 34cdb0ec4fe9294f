/* Eight processes with two threads each use a mutex, a readers-writer lock and a pool of permits as fast as they can,
 * while one after the other is killed at a random moment and replaced. Nobody gets stuck, no change is lost or done
 * twice, and no permit has two holders. STORM_SEED repeats the choice of victims, STORM_KILLS sets their number. */
#include "asleep.h"

#include <pthread.h>

enum { PROCESSES = 8, THREADS = 2, WORKERS = PROCESSES * THREADS, PERMITS = 3 };

/* These fields change under a lock, with a journal: a repairer completes a change that was begun. */
typedef struct {
  int worker, begun;
  long old_count, old_done;
  long count;
  long done[WORKERS];
} Ledger;

static struct {
  ipc_mutex_t mutex;
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
  Ledger locked, written;
  int holder[PERMITS];
  long progress[WORKERS], deaths;
  int stop;
} *shared;

static void finish_change(Ledger *ledger) {
  ledger->count = ledger->old_count + 1;
  ledger->done[ledger->worker] = ledger->old_done + 1;
  __atomic_store_n(&ledger->begun, 0, __ATOMIC_RELEASE);
}

static void change(Ledger *ledger, int worker) {
  CHECK_EQUAL(ledger->begun, 0);
  ledger->worker = worker;
  ledger->old_count = ledger->count;
  ledger->old_done = ledger->done[worker];
  __atomic_store_n(&ledger->begun, 1, __ATOMIC_RELEASE);
  sched_yield(); /* a good moment to be killed */
  finish_change(ledger);
}

static void repair(Ledger *ledger) {
  if (ledger->begun) finish_change(ledger);
  __atomic_add_fetch(&shared->deaths, 1, __ATOMIC_RELAXED);
}

static void check_sum(const Ledger *ledger) {
  long sum = 0;
  CHECK_EQUAL(ledger->begun, 0);
  for (int i = 0; i < WORKERS; i++) sum += ledger->done[i];
  CHECK_EQUAL(ledger->count, sum);
}

static void use_mutex(int worker) {
  int result = ipc_mutex_lock(&shared->mutex, PATIENCE);
  if (result == IPC_OWNER_DIED) {
    repair(&shared->locked);
    CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  } else {
    CHECK_EQUAL(result, 0);
  }
  change(&shared->locked, worker);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void use_rwlock(int worker, int writes) {
  int result = writes ? ipc_rwlock_write_lock(&shared->rwlock, PATIENCE)
                      : ipc_rwlock_read_lock(&shared->rwlock, PATIENCE);
  if (result == IPC_OWNER_DIED) {
    repair(&shared->written);
    CHECK_EQUAL(ipc_rwlock_consistent(&shared->rwlock), 0);
  } else {
    CHECK_EQUAL(result, 0);
  }
  check_sum(&shared->written);
  if (writes) change(&shared->written, worker);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}

static void use_permit(int worker) {
  unsigned permit = PERMITS;
  int result = ipc_permits_take(&shared->permits, &permit, PATIENCE);
  CHECK(result == 0 || result == IPC_OWNER_DIED);
  CHECK(permit < PERMITS);
  int before = __atomic_exchange_n(&shared->holder[permit], worker + 1, __ATOMIC_ACQ_REL);
  if (result == 0) CHECK_EQUAL(before, 0);
  sched_yield();
  int mine = worker + 1;
  CHECK(__atomic_compare_exchange_n(
    &shared->holder[permit], &mine, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
  CHECK_EQUAL(ipc_permits_give(&shared->permits, permit), 0);
}

static void *work(void *which) {
  int worker = (int)(intptr_t)which;
  unsigned seed = (unsigned)(getpid() * THREADS + worker);
  while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
    switch (rand_r(&seed) % 8) {
      case 0: case 1: use_mutex(worker); break;
      case 2: use_rwlock(worker, 1); break;
      case 3: case 4: case 5: use_rwlock(worker, 0); break;
      default: use_permit(worker); break;
    }
    __atomic_add_fetch(&shared->progress[worker], 1, __ATOMIC_RELAXED);
  }
  return NULL;
}

static void process(void *first_worker) {
  int first = *(int *)first_worker;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, work, (void *)(intptr_t)(first + 1)), 0);
  work((void *)(intptr_t)first);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static long progress(void) {
  long sum = 0;
  for (int i = 0; i < WORKERS; i++) sum += __atomic_load_n(&shared->progress[i], __ATOMIC_RELAXED);
  return sum;
}

int main(void) {
  const char *given = getenv("STORM_SEED"), *number = getenv("STORM_KILLS");
  unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)now_ns();
  int kills = number ? atoi(number) : 100;
  printf("STORM_SEED=%u\n", seed);
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_rwlock_init(&shared->rwlock), 0);
  CHECK_EQUAL(ipc_permits_init(&shared->permits, PERMITS), 0);

  pid_t children[PROCESSES];
  int first[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    first[i] = i * THREADS;
    children[i] = start(process, &first[i]);
  }
  for (int i = 0; i < kills; i++) {
    long until = progress() + 1 + rand_r(&seed) % 100;
    for (int64_t end = now_ns() + PATIENCE; progress() < until; sched_yield())
      if (now_ns() > end) test_failed(__FILE__, __LINE__, "no progress after %d kills, STORM_SEED=%u", i, seed);
    int victim = (int)(rand_r(&seed) % PROCESSES);
    KILL(children[victim]);
    children[victim] = start(process, &first[victim]);
  }
  __atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < PROCESSES; i++) FINISH(children[i]);

  use_mutex(0);
  use_rwlock(0, 1);
  for (int i = 0; i < 2 * PERMITS; i++) use_permit(0);
  check_sum(&shared->locked);
  check_sum(&shared->written);
  unsigned free_count;
  CHECK_EQUAL(ipc_permits_free(&shared->permits, &free_count), 0);
  CHECK_EQUAL(free_count, PERMITS);
  printf("%ld operations, %d kills, %ld of them repaired after\n", progress(), kills, shared->deaths);
  return 0;
}
