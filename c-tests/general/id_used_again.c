/* A thread id is used again while a lock word still holds it, because the kernel did not mark the death of its first
 * user: the lock comes back all the same, for others and for the new user of the id itself. */
#include "asleep.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

typedef struct {
  ipc_permits_t permits;
  ipc_rwlock_t read;
  ipc_mutex_t plain, recursive, inheriting;
  pid_t id;
} shared_t;

static shared_t *shared;
static ipc_mq_t *queue;
static int input[2];

static void *hold_and_exec(void *argument) {
  unsigned number;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->read, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->plain, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->recursive, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->inheriting, 0), 0);
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(queue, &message, NULL, NULL, 0), 1);
  shared->id = (pid_t)syscall(SYS_gettid);
  dup2(input[0], 0);
  execl("/bin/cat", "cat", (char *)NULL);
  return argument;
}

static void exec_in_thread(void *argument) {
  (void)argument;
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, hold_and_exec, NULL), 0);
  for (;;) pause();
}

/* Starts a process with this id. 0 if that is not possible here. */
static pid_t start_with_id(pid_t id, void (*body)(void *)) {
  for (int attempt = 0; attempt < 2000; attempt++) {
    int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    if (file < 0) return 0;
    int is_set = dprintf(file, "%d", (int)id - 1) > 0;
    close(file);
    if (!is_set) return 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      if (getpid() == id) body(NULL);
      exit(0);
    }
    if (child == id) return child;
    wait_for(child);
  }
  return 0;
}

/* Before Linux 6.9 the library tells threads with the same id apart by the times of their starts, which /proc gives in
 * ticks of 10 ms. No other program can use an id again so soon: all other ids come first. */
static void wait_for_next_tick(void) {
  struct timespec now;
  long tick, tick_length = 1000000000 / sysconf(_SC_CLK_TCK), first = -1;
  do {
    CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    tick = now.tv_nsec / tick_length;
    if (first < 0) first = tick;
    sched_yield();
  } while (tick == first);
}

static void idle(void *argument) {
  (void)argument;
  for (;;) pause();
}

static void repaired(ipc_mutex_t *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void get_all_back(void *argument) {
  (void)argument;
  unsigned number;
  CHECK_EQUAL(ipc_mutex_unlock(&shared->recursive), -EPERM);
  repaired(&shared->plain);
  repaired(&shared->recursive);
  repaired(&shared->inheriting);
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->read, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->read), 0);
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &number, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, number), 0);
  char byte;
  CHECK_EQUAL(ipc_mq_receive(queue, &byte, 1, NULL, PATIENCE), 1);
}

static void check(int new_user_locks) {
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE }, inheriting = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  memset(shared, 0, sizeof *shared);
  CHECK_EQUAL(ipc_permits_init(&shared->permits, 1), 0);
  CHECK_EQUAL(ipc_rwlock_init(&shared->read), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->plain, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->inheriting, &inheriting), 0);
  CHECK_EQUAL(ipc_mq_send(queue, "m", 1, 0, 0), 0);

  pid_t holder = start(exec_in_thread, NULL);
  wait_until_inside(holder, SYS_read);
  wait_for_next_tick();
  pid_t again = start_with_id(shared->id, new_user_locks ? get_all_back : idle);
  if (again == 0) {
    KILL(holder);
    SKIP("this machine does not let a test choose a process's id");
  }
  if (new_user_locks) {
    FINISH(again);
  } else {
    get_all_back(NULL);
    KILL(again);
  }
  KILL(holder);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 16 };
  CHECK_EQUAL(ipc_mq_open(&queue, unique_name("again"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK(pipe(input) == 0);
  check(0);
  check(1);
  CHECK_EQUAL(ipc_mq_close(queue), 0);
  return 0;
}
