/* The kernel does not report these deaths: an owner with more locks than the kernel reads, an owner whose list a
 * truncated object breaks, and an exec by a thread other than the main one. Lockers that wait, lockers that try, and
 * waiters on a condition variable still recover the locks. */
#include "test.h"
#include <pthread.h>

enum { LOCKS = 2500 };

typedef struct {
  ipc_mutex_t mutexes[LOCKS];
  ipc_cond_t cond;
  int waiting;
} Shared;

static Shared *shared;

static void recover(int i, int64_t timeout) {
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[i], timeout), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutexes[i]), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutexes[i]), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[i], 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutexes[i]), 0);
}

static void holds_many(void *argument) {
  (void)argument;
  for (int i = 0; i < LOCKS; i++) CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[i], 0), 0);
  raise(SIGKILL);
}

/* The kernel reads the lock taken last first. */
static void list_is_broken(void *argument) {
  ipc_shm_t *other = argument;
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[i], 0), 0);
  ipc_mutex_t *mutex = ipc_shm_data(other);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ftruncate(ipc_shm_fd(other), 0), 0);
  raise(SIGKILL);
}

static void *calls_exec(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[0], 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[1], 0), 0);
  execl("/bin/cat", "cat", (char *)NULL);
  return argument;
}

static void exec_from_thread(void *input) {
  pthread_t thread;
  CHECK_EQUAL(dup2(*(int *)input, 0), 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, calls_exec, NULL), 0);
  pthread_join(thread, NULL);
  _exit(1);
}

static void waits_for_signal(void *argument) {
  (void)argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[0], IPC_FOREVER), 0);
  shared->waiting = 1;
  CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutexes[0], IPC_FOREVER), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutexes[0]), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutexes[0]), 0);
}

static void waits(void *argument) {
  (void)argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutexes[1], IPC_FOREVER), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutexes[1]), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutexes[1]), 0);
}

static void check(int flags) {
  ipc_mutex_attr_t attr = { .flags = flags };
  for (int i = 0; i < LOCKS; i++) CHECK_EQUAL(ipc_mutex_init(&shared->mutexes[i], &attr), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);

  wait_for(start(holds_many, NULL));
  for (int i = 0; i < LOCKS; i++)
    recover(i, i % 3 == 0 ? 0 : i % 3 == 1 ? MILLISECOND : i < 6 ? IPC_FOREVER : 0);

  ipc_shm_t *other;
  const char *name = unique_name("truncated");
  CHECK_EQUAL(
    ipc_shm_open(&other, name, sizeof(ipc_mutex_t), IPC_CREATE, 0600),
    IPC_CREATED);
  wait_for(start(list_is_broken, other));
  for (int i = 0; i < 3; i++) recover(i, PATIENCE);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);

  int input[2];
  CHECK_EQUAL(pipe(input), 0);
  *(volatile int *)&shared->waiting = 0;
  pid_t signalled = start(waits_for_signal, NULL);
  while (!*(volatile int *)&shared->waiting) sched_yield();
  wait_until_inside(signalled, SYS_futex);
  pid_t child = start(exec_from_thread, &input[0]);
  /* The new program is the only thread of the process. It waits for its input, and nobody holds the locks. */
  wait_until_inside(child, SYS_read);
  pid_t waiting = start(waits, NULL);
  FINISH(waiting);
  FINISH(signalled);
  KILL(child);
  close(input[0]);
  close(input[1]);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
