/* With priority inheritance the owner runs with the priority of its waiter until it unlocks, and threads that would wait
 * for each other in a circle are told so. A mutex without it lends nothing. */
#include "test.h"

#include <pthread.h>

/* The priority with which the kernel schedules a thread, from /proc: -1 - N for the real-time priority N. */
static long priority_of(pid_t thread) {
  char path[64], text[600];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)thread);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  CHECK(fgets(text, sizeof text, file) != NULL);
  fclose(file);
  char *field = strrchr(text, ')');
  CHECK(field != NULL);
  /* Behind the name, the priority is the 16th field. */
  for (int i = 0; i < 16; i++) CHECK((field = strchr(field + 1, ' ')) != NULL);
  return atol(field);
}

static void waits_in_real_time(void *mutex) {
  struct sched_param real_time = { .sched_priority = 7 };
  /* musl's function never calls the kernel. */
  if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &real_time) != 0) SKIP("this user may not run in real time");
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void lends(int flags, int is_lent) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);
  long own = priority_of(getpid());
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  pid_t child = start(waits_in_real_time, mutex);
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield()) {
    char state = state_of(child);
    if (state == 'Z') break; /* it may not run in real time */
    if (is_inside(child, SYS_futex)) break;
  }
  if (state_of(child) != 'Z') CHECK_EQUAL(priority_of(getpid()), is_lent ? -8 : own);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(priority_of(getpid()), own);
  FINISH(child);
}

static ipc_mutex_t *circle;
static pthread_barrier_t both_hold_one;

static void *locks_two(void *first) {
  int own = first != NULL;
  CHECK_EQUAL(ipc_mutex_lock(&circle[own], PATIENCE), 0);
  pthread_barrier_wait(&both_hold_one);
  int result = ipc_mutex_lock(&circle[!own], PATIENCE);
  if (result == 0) CHECK_EQUAL(ipc_mutex_unlock(&circle[!own]), 0);
  else CHECK_FAILS(result, -EDEADLK, "circle");
  CHECK_EQUAL(ipc_mutex_unlock(&circle[own]), 0);
  return (void *)(intptr_t)result;
}

static void close_a_circle(void) {
  ipc_mutex_attr_t attr = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  circle = shared_memory(2 * sizeof *circle);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mutex_init(&circle[i], &attr), 0);
  CHECK(pthread_barrier_init(&both_hold_one, NULL, 2) == 0);
  pthread_t other;
  void *result;
  CHECK(pthread_create(&other, NULL, locks_two, circle) == 0);
  intptr_t own = (intptr_t)locks_two(NULL);
  CHECK(pthread_join(other, &result) == 0);
  /* The one that would close the circle is refused, and then the other goes on. If both come at the same moment, the
   * kernel may refuse both: each finds the other one waiting already. */
  CHECK(own == -EDEADLK || (intptr_t)result == -EDEADLK);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mutex_lock(&circle[i], 0), 0);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mutex_unlock(&circle[i]), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it runs one thread at a time");
  close_a_circle();
  lends(IPC_MUTEX_PRIORITY_INHERIT, 1);
  lends(0, 0);
  return 0;
}
