/* The locks beyond the mutex, compared with libc's. The ratio is the library's time divided by libc's, so a value below
 * 1 is faster. None of libc's locks is robust. Then the benchmark prints how often each operation calls the kernel. */
#include "bench.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/ptrace.h>

enum { OPERATIONS = 20000, HAND_OVERS = 500, SHARED_READS = 100000 };

typedef struct {
  ipc_rwlock_t our_rwlock;
  char gap_1[64];
  pthread_rwlock_t their_rwlock;
  char gap_2[64];
  ipc_sem_t our_sems[2];
  char gap_3[64];
  sem_t their_sems[2];
  char gap_4[64];
  ipc_event_t our_events[2];
  char gap_5[64];
  ipc_permits_t permits;
  ipc_barrier_t our_barrier;
  pthread_barrier_t their_barrier;
  ipc_once_t once;
  ipc_mutex_t mutex;
  char gap_6[64];
  int ready;
} Shared;

static Shared *shared;
static pthread_once_t their_once_control = PTHREAD_ONCE_INIT;

/* The time of one `operation`, repeated by one process. */
#define IN_A_ROW(name, operation) \
  static double name(void) { \
    double start = bench_now_ns(); \
    for (int i = 0; i < OPERATIONS; i++) { \
      operation; \
    } \
    return (bench_now_ns() - start) / OPERATIONS; \
  }

static void nothing(void *context) { (void)context; }
static void nothing_either(void) {}

static void take_and_give(void) {
  unsigned permit;
  ipc_permits_take(&shared->permits, &permit, IPC_FOREVER);
  ipc_permits_give(&shared->permits, permit);
}

IN_A_ROW(our_read, ipc_rwlock_read_lock(&shared->our_rwlock, IPC_FOREVER); ipc_rwlock_unlock(&shared->our_rwlock))
IN_A_ROW(their_read, pthread_rwlock_rdlock(&shared->their_rwlock); pthread_rwlock_unlock(&shared->their_rwlock))
IN_A_ROW(our_write, ipc_rwlock_write_lock(&shared->our_rwlock, IPC_FOREVER); ipc_rwlock_unlock(&shared->our_rwlock))
IN_A_ROW(their_write, pthread_rwlock_wrlock(&shared->their_rwlock); pthread_rwlock_unlock(&shared->their_rwlock))
IN_A_ROW(our_sem, ipc_sem_post(&shared->our_sems[0]); ipc_sem_wait(&shared->our_sems[0], IPC_FOREVER))
IN_A_ROW(their_sem, sem_post(&shared->their_sems[0]); sem_wait(&shared->their_sems[0]))
IN_A_ROW(our_event, ipc_event_set(&shared->our_events[0]); ipc_event_wait(&shared->our_events[0], IPC_FOREVER))
IN_A_ROW(our_permit, take_and_give())
IN_A_ROW(our_once, ipc_once(&shared->once, nothing, NULL, IPC_FOREVER))
IN_A_ROW(their_once, pthread_once(&their_once_control, nothing_either))

/* The time of one step of two processes that both take `count` steps, on one processor or on two. */
static double together(void (*step)(int side), int count, int processors) {
  __atomic_store_n(&shared->ready, 0, __ATOMIC_SEQ_CST);
  pid_t child = fork();
  REQUIRE(child >= 0);
  int side = child == 0;
  bench_pin(side % processors);
  __atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < 2) sched_yield();
  double start = bench_now_ns();
  for (int i = 0; i < count; i++) step(side);
  if (side) _exit(0);
  int status;
  REQUIRE(waitpid(child, &status, 0) == child && status == 0);
  return (bench_now_ns() - start) / count;
}

/* Each process waits for the other, then releases the other. So a step is a hand-over there and back. */
static void our_sem_step(int side) {
  if (side) REQUIRE(ipc_sem_wait(&shared->our_sems[1], IPC_FOREVER) == 0);
  ipc_sem_post(&shared->our_sems[!side]);
  if (!side) REQUIRE(ipc_sem_wait(&shared->our_sems[0], IPC_FOREVER) == 0);
}

static void their_sem_step(int side) {
  if (side) REQUIRE(sem_wait(&shared->their_sems[1]) == 0);
  sem_post(&shared->their_sems[!side]);
  if (!side) REQUIRE(sem_wait(&shared->their_sems[0]) == 0);
}

static void our_event_step(int side) {
  if (side) REQUIRE(ipc_event_wait(&shared->our_events[1], IPC_FOREVER) == 0);
  ipc_event_set(&shared->our_events[!side]);
  if (!side) REQUIRE(ipc_event_wait(&shared->our_events[0], IPC_FOREVER) == 0);
}

static void our_barrier_step(int side) {
  (void)side;
  REQUIRE(ipc_barrier_wait(&shared->our_barrier, IPC_FOREVER) >= 0);
}

static void their_barrier_step(int side) {
  (void)side;
  pthread_barrier_wait(&shared->their_barrier);
}

static void our_read_step(int side) {
  (void)side;
  ipc_rwlock_read_lock(&shared->our_rwlock, IPC_FOREVER);
  ipc_rwlock_unlock(&shared->our_rwlock);
}

static void their_read_step(int side) {
  (void)side;
  pthread_rwlock_rdlock(&shared->their_rwlock);
  pthread_rwlock_unlock(&shared->their_rwlock);
}

#define TOGETHER(name, step, count, processors) \
  static double name(void) { return together(step, count, processors); }

TOGETHER(our_sem_two, our_sem_step, HAND_OVERS, 2)
TOGETHER(their_sem_two, their_sem_step, HAND_OVERS, 2)
TOGETHER(our_sem_one, our_sem_step, HAND_OVERS, 1)
TOGETHER(their_sem_one, their_sem_step, HAND_OVERS, 1)
TOGETHER(our_event_two, our_event_step, HAND_OVERS, 2)
TOGETHER(our_event_one, our_event_step, HAND_OVERS, 1)
TOGETHER(their_barrier_two, their_barrier_step, HAND_OVERS, 2)
TOGETHER(our_reads, our_read_step, SHARED_READS, 2)
TOGETHER(their_reads, their_read_step, SHARED_READS, 2)

/* Initialises the barrier for each run, because the child's end has broken it as a participant's death. */
static double our_barrier_two(void) {
  REQUIRE(ipc_barrier_init(&shared->our_barrier, 2) == 0);
  double time = together(our_barrier_step, HAND_OVERS, 2);
  ipc_barrier_leave(&shared->our_barrier);
  return time;
}

/* How many system calls a child makes in COUNTED operations, after a first one that may prepare memory. */
enum { COUNTED = 100 };

static void count_calls(const char *what, void (*operation)(void)) {
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    REQUIRE(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    operation();
    raise(SIGSTOP);
    for (int i = 0; i < COUNTED; i++) operation();
    _exit(0);
  }
  int status, stops = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (!WIFSTOPPED(status)) {
    printf("%-44s not counted: ptrace is not permitted here\n", what);
    return;
  }
  for (;;) {
    REQUIRE(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) break;
    stops++;
  }
  /* Two stops for each call, and one for the call that ends the child. */
  printf("%-44s %10.2f\n", what, (stops - 1) / 2.0 / COUNTED);
}

static void mutex_calls(void) {
  ipc_mutex_lock(&shared->mutex, IPC_FOREVER);
  ipc_mutex_unlock(&shared->mutex);
}

static void read_calls(void) { our_read_step(0); }

static void write_calls(void) {
  ipc_rwlock_write_lock(&shared->our_rwlock, IPC_FOREVER);
  ipc_rwlock_unlock(&shared->our_rwlock);
}

static void sem_calls(void) {
  ipc_sem_post(&shared->our_sems[0]);
  ipc_sem_wait(&shared->our_sems[0], IPC_FOREVER);
}

static void event_calls(void) {
  ipc_event_set(&shared->our_events[0]);
  ipc_event_wait(&shared->our_events[0], IPC_FOREVER);
}

static void once_calls(void) { ipc_once(&shared->once, nothing, NULL, IPC_FOREVER); }
static void post_calls(void) { ipc_sem_post(&shared->our_sems[1]); }

int main(void) {
  shared = bench_shared(sizeof *shared);
  REQUIRE(ipc_rwlock_init(&shared->our_rwlock) == 0);
  REQUIRE(ipc_permits_init(&shared->permits, 4) == 0);
  REQUIRE(ipc_mutex_init(&shared->mutex, NULL) == 0);
  REQUIRE(ipc_once(&shared->once, nothing, NULL, 0) == IPC_ONCE_RAN);
  for (int i = 0; i < 2; i++) {
    REQUIRE(ipc_sem_init(&shared->our_sems[i], 0) == 0);
    REQUIRE(sem_init(&shared->their_sems[i], 1, 0) == 0);
    REQUIRE(ipc_event_init(&shared->our_events[i], IPC_EVENT_AUTO_RESET) == 0);
  }
  pthread_rwlockattr_t rwlock_attributes;
  pthread_rwlockattr_init(&rwlock_attributes);
  pthread_rwlockattr_setpshared(&rwlock_attributes, PTHREAD_PROCESS_SHARED);
  REQUIRE(pthread_rwlock_init(&shared->their_rwlock, &rwlock_attributes) == 0);
  pthread_barrierattr_t barrier_attributes;
  pthread_barrierattr_init(&barrier_attributes);
  pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
  REQUIRE(pthread_barrier_init(&shared->their_barrier, &barrier_attributes, 2) == 0);

  puts("The family of locks: the library against libc (ratio below 1: the library is faster)");
  bench_pin(0);
  bench_row("rwlock read + unlock, uncontended", "pthread_rwlock_t", our_read, their_read);
  bench_row("rwlock write + unlock, uncontended", "pthread_rwlock_t", our_write, their_write);
  bench_row("rwlock read + unlock, two processes reading", "pthread_rwlock_t", our_reads, their_reads);
  bench_row("semaphore post + wait, uncontended", "sem_t", our_sem, their_sem);
  bench_row("event set + wait, uncontended", "sem_t", our_event, their_sem);
  bench_row("permit take + give, uncontended", "sem_t", our_permit, their_sem);
  bench_row("once, when done", "pthread_once", our_once, their_once);
  bench_row("semaphores there and back, two processors", "sem_t", our_sem_two, their_sem_two);
  bench_row("events there and back, two processors", "sem_t", our_event_two, their_sem_two);
  bench_row("semaphores there and back, one processor", "sem_t", our_sem_one, their_sem_one);
  bench_row("events there and back, one processor", "sem_t", our_event_one, their_sem_one);
  bench_row("barrier round, two processors", "pthread_barrier_t", our_barrier_two, their_barrier_two);

  puts("\nSystem calls per operation, uncontended or with nobody asleep");
  fflush(stdout);
  count_calls("mutex lock + unlock", mutex_calls);
  count_calls("rwlock read + unlock", read_calls);
  count_calls("rwlock write + unlock", write_calls);
  count_calls("semaphore post + wait", sem_calls);
  count_calls("semaphore post, nobody asleep", post_calls);
  count_calls("event set + wait", event_calls);
  count_calls("permit take + give", take_and_give);
  count_calls("once, when done", once_calls);
  return 0;
}
