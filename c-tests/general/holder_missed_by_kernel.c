/* Deaths that the kernel does not mark, or marks and keeps the id for: every kind of lock comes back, also for a waiter
 * that sleeps already. The kernel does not walk the list of a thread that calls exec and is not the main one; it reads at most 2048 entries;
 * and it stops at the first entry whose memory is gone. A killed process that nobody has waited for keeps its id, and
 * so does a main thread that has ended while another thread lives. */
#include "asleep.h"
#include <pthread.h>
#include <time.h>

enum { MANY = 2100 };

typedef struct {
  ipc_permits_t permits;
  ipc_rwlock_t read, written;
  ipc_barrier_t barrier;
  ipc_mutex_t plain, recursive, inheriting;
  ipc_mutex_t many[MANY];
  int is_ready;
} shared_t;

static shared_t *shared;

static void initialise(void) {
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE }, inheriting = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  memset(shared, 0, sizeof *shared);
  CHECK_EQUAL(ipc_permits_init(&shared->permits, 1), 0);
  CHECK_EQUAL(ipc_rwlock_init(&shared->read), 0);
  CHECK_EQUAL(ipc_rwlock_init(&shared->written), 0);
  CHECK_EQUAL(ipc_barrier_init(&shared->barrier, 2), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->plain, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->inheriting, &inheriting), 0);
  for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_init(&shared->many[i], NULL), 0);
}

static void take_all(void) {
  unsigned number;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->read, 0), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->written, 0), 0);
  CHECK_EQUAL(ipc_barrier_join(&shared->barrier), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->recursive, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->recursive, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->inheriting, 0), 0);
}

static void get_ready(void) { __atomic_store_n(&shared->is_ready, 1, __ATOMIC_RELEASE); }

static void wait_until_ready(void) {
  while (!__atomic_load_n(&shared->is_ready, __ATOMIC_ACQUIRE)) sched_yield();
}

static void repaired(ipc_mutex_t *mutex, int64_t timeout) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, timeout), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

/* Everything is held by a dead thread. */
static void get_all_back(void) {
  unsigned number = 9;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(number, 0);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, number), 0);
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, 0), 0);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, number), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->read, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->read), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->written, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_rwlock_consistent(&shared->written), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->written), 0);
  CHECK_EQUAL(ipc_barrier_wait(&shared->barrier, PATIENCE), -EOWNERDEAD);
  CHECK_EQUAL(ipc_barrier_reset(&shared->barrier), 0);
  CHECK_EQUAL(ipc_barrier_join(&shared->barrier), 0);
  CHECK_EQUAL(ipc_barrier_leave(&shared->barrier), 0);
  repaired(&shared->plain, PATIENCE);
  repaired(&shared->recursive, PATIENCE);
  repaired(&shared->inheriting, PATIENCE);
}

static void waits_for_permit(void *argument) {
  (void)argument;
  unsigned number;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, number), 0);
}

static void waits_to_write(void *argument) {
  (void)argument;
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->read, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->read), 0);
}

static void waits_at_barrier(void *argument) {
  (void)argument;
  CHECK_EQUAL(ipc_barrier_wait(&shared->barrier, PATIENCE), -EOWNERDEAD);
}

static int input[2];

static void *take_all_and_exec(void *argument) {
  take_all();
  get_ready();
  stop_here();
  dup2(input[0], 0);
  execl("/bin/cat", "cat", (char *)NULL);
  return argument;
}

static void exec_in_thread(void *argument) {
  (void)argument;
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, take_all_and_exec, NULL), 0);
  for (;;) pause();
}

static void check_exec(void) {
  initialise();
  CHECK(pipe(input) == 0);
  pid_t holder = start_stopped(exec_in_thread, NULL);
  wait_until_ready();
  pid_t sleepers[] = { start_asleep(waits_for_permit, NULL), start_asleep(waits_to_write, NULL),
                       start_asleep(waits_at_barrier, NULL) };
  continue_child(holder);
  for (int i = 0; i < 3; i++) FINISH(sleepers[i]);
  /* The new program lives on. */
  wait_until_inside(holder, SYS_read);
  CHECK_EQUAL(ipc_barrier_reset(&shared->barrier), 0);
  repaired(&shared->plain, PATIENCE);
  KILL(holder);

  initialise();
  holder = start_stopped(exec_in_thread, NULL);
  wait_until_ready();
  continue_child(holder);
  wait_until_inside(holder, SYS_read);
  unsigned number;
  /* A call that does not wait finds it too. */
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, number), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->read, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->read), 0);
  KILL(holder);
  close(input[0]);
  close(input[1]);
}

static void hold_many(void *argument) {
  (void)argument;
  take_all();
  for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_lock(&shared->many[i], 0), 0);
  raise(SIGKILL);
}

static void hold_in_truncated(void *argument) {
  take_all();
  ipc_shm_t *other = argument;
  ipc_mutex_t *mutex = ipc_shm_data(other);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK(ftruncate(ipc_shm_fd(other), 0) == 0);
  raise(SIGKILL);
}

/* Waits for the end of a child and leaves it a zombie. */
static void wait_for_zombie(pid_t child) {
  siginfo_t info;
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  CHECK(state_of(child) == 'Z');
}

static void check_missed(void) {
  initialise();
  wait_for(start(hold_many, NULL));
  get_all_back();

  initialise();
  pid_t zombie = start(hold_many, NULL);
  wait_for_zombie(zombie);
  get_all_back();
  wait_for(zombie);

  initialise();
  ipc_shm_t *other;
  const char *name = unique_name("truncated");
  CHECK_EQUAL(ipc_shm_open(&other, name, sizeof(ipc_mutex_t), IPC_CREATE, 0600), IPC_CREATED);
  zombie = start(hold_in_truncated, other);
  wait_for_zombie(zombie);
  get_all_back();
  wait_for(zombie);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
}

static void *outlive(void *unused) {
  for (;;) pause();
  return unused;
}

static void end_main_thread(void *argument) {
  (void)argument;
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, outlive, NULL), 0);
  take_all();
  for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_lock(&shared->many[i], 0), 0);
  pthread_exit(NULL);
}

/* The id of the main thread is in use as long as the process lives. */
static void check_main_thread_ended(void) {
  initialise();
  pid_t child = start(end_main_thread, NULL);
  while (state_of(child) != 'Z') sched_yield();
  get_all_back();
  KILL(child);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows no pidfd_open");
  SKIP_UNDER_THREAD_SANITIZER("it counts all threads that ever ran, and this test uses more than it can count");
  shared = shared_memory(sizeof *shared);
  check_exec();
  check_missed();
  check_main_thread_ended();
  return 0;
}
