/* A thread that waits does not wake while nothing happens: 1, 10 and 100 sleepers of each kind are counted by their context
 * switches. The window is 1.5 seconds, longer than the library's shortest timer; ROBUSTIPC_IDLE_SECONDS makes it longer. */
#include "holding.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/utsname.h>

static struct {
  ipc_sem_t none;
  ipc_event_t manual, automatic;
  ipc_once_t once;
} *shared;

static ipc_mq_t *empty, *full;
static ipc_cell_t *cell, *read_only_cell;
static ipc_topic_t *publisher, *subscriber;

enum { MUTEX, READ, WRITE, PERMIT, BARRIER, SEM, MANUAL, AUTOMATIC, RECEIVE, SEND, BORROW, RESERVE, ONCE, CELL, READ_ONLY_CELL, TOPIC_RECEIVE, TOPIC_BORROW, KINDS };
enum { MOST = 100 };

static void nothing(void *context) { (void)context; }

static void *wait_forever(void *argument) {
  int kind = (int)(intptr_t)argument;
  unsigned permit;
  char byte;
  void *place;
  const void *message;
  uint64_t value;
  switch (kind) {
    case MUTEX: ipc_mutex_lock(&everything->mutex, IPC_FOREVER); break;
    case READ: ipc_rwlock_read_lock(&everything->written, IPC_FOREVER); break;
    case WRITE: ipc_rwlock_write_lock(&everything->read, 100 * PATIENCE); break;
    case PERMIT: ipc_permits_take(&everything->permits, &permit, IPC_FOREVER); break;
    case BARRIER: ipc_barrier_wait(&everything->barrier, IPC_FOREVER); break;
    case SEM: ipc_sem_wait(&shared->none, IPC_FOREVER); break;
    case MANUAL: ipc_event_wait(&shared->manual, IPC_FOREVER); break;
    case AUTOMATIC: ipc_event_wait(&shared->automatic, 100 * PATIENCE); break;
    case RECEIVE: ipc_mq_receive(empty, &byte, 1, NULL, IPC_FOREVER); break;
    case SEND: ipc_mq_send(full, "x", 1, 0, 100 * PATIENCE); break;
    case BORROW: ipc_mq_borrow(empty, &message, NULL, NULL, IPC_FOREVER); break;
    case RESERVE: ipc_mq_reserve(full, &place, IPC_FOREVER); break;
    case ONCE: ipc_once(&shared->once, nothing, NULL, IPC_FOREVER); break;
    case CELL: ipc_cell_wait(cell, &value, 0, NULL, IPC_FOREVER); break;
    case TOPIC_RECEIVE: ipc_topic_receive(subscriber, &value, sizeof value, NULL, IPC_FOREVER); break;
    case TOPIC_BORROW: ipc_topic_borrow(subscriber, &message, NULL, 100 * PATIENCE); break;
    case READ_ONLY_CELL: ipc_cell_wait(read_only_cell, &value, 0, NULL, 100 * PATIENCE); break;
  }
  test_failed(__FILE__, __LINE__, "a wait of kind %d ended", kind);
  return NULL;
}

/* The voluntary context switches of all other threads of a process. */
static long switches(pid_t process, int *threads) {
  char path[600];
  snprintf(path, sizeof path, "/proc/%d/task", (int)process);
  DIR *directory = opendir(path);
  CHECK(directory != NULL);
  long sum = 0;
  *threads = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == process) continue;
    sum += voluntary_switches(atoi(entry->d_name));
    ++*threads;
  }
  closedir(directory);
  return sum;
}

static void wait_until_all_asleep(pid_t process) {
  char path[600];
  snprintf(path, sizeof path, "/proc/%d/task", (int)process);
  DIR *directory = opendir(path);
  CHECK(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != process) wait_until_on_futex((pid_t)atoi(entry->d_name));
  closedir(directory);
}

/* Only `kind` sleeps. */
static void sleepers(void *argument) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int kind = ((int *)argument)[0], count = ((int *)argument)[1];
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 128 * 1024);
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, &attr, wait_forever, (void *)(intptr_t)kind), 0);
  }
  for (;;) pause();
}

static void run_once(void *context) {
  (void)context;
  stop_here();
}

static void holder(void *argument) {
  (void)argument;
  hold_everything();
  ipc_once(&shared->once, run_once, NULL, 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("its threads switch by its own rules");
  SKIP_UNDER_SANITIZERS("their threads wake for reasons of their own");
  struct utsname name;
  CHECK(uname(&name) == 0);
  int major = 0, minor = 0;
  CHECK(sscanf(name.release, "%d.%d", &major, &minor) == 2);
  const char *wanted = getenv("ROBUSTIPC_IDLE_SECONDS");
  int64_t window = wanted != NULL ? atoi(wanted) * SECOND : 1500 * MILLISECOND;
  /* Kernels before Linux 6.2 do not report every death: there a sleeper wakes once a second. */
  int is_exact = major > 6 || (major == 6 && minor >= 2);
  /* A sandbox may hide what a new kernel has. */
  if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) < 0 && errno == ENOSYS) is_exact = 0;

  make_everything();
  CHECK_EQUAL(ipc_barrier_init(&everything->barrier, 31), 0);
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_sem_init(&shared->none, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->manual, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->automatic, IPC_EVENT_AUTO_RESET), 0);
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = 1 };
  CHECK_EQUAL(ipc_mq_open(&empty, unique_name("empty"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&full, unique_name("full"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(full, "x", 1, 0, 0), 0);
  const ipc_type_t type = IPC_TYPE(uint64_t, 1);
  const char *cell_name = unique_name("cell");
  CHECK_EQUAL(ipc_cell_open(&cell, cell_name, &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_cell_open(&read_only_cell, cell_name, &type, IPC_READ_ONLY, 0), IPC_OPENED);
  const char *topic_name = unique_name("topic");
  ipc_topic_attr_t topic_attr = { .sample_size = 8, .capacity = 4, .max_subscribers = 8 };
  CHECK_EQUAL(ipc_topic_open(&publisher, topic_name, &topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&subscriber, topic_name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  pid_t holding = start_stopped(holder, NULL);
  const int counts[] = { 1, 10, MOST };
  for (int i = 0; i < 3; i++) {
    pid_t children[KINDS];
    long before[KINDS];
    int threads[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
      /* A barrier has room for 31. */
      int what[] = { kind, kind == BARRIER && counts[i] == MOST ? 20 : counts[i] };
      children[kind] = start(sleepers, what);
      do before[kind] = switches(children[kind], &threads[kind]);
      while (threads[kind] < what[1]);
      wait_until_all_asleep(children[kind]);
    }
    int noisy = 0;
    for (int attempt = 1; noisy >= 0; attempt++) {
      for (int kind = 0; kind < KINDS; kind++) before[kind] = switches(children[kind], &threads[kind]);
      /* pace: the test is that nothing happens in this time. */
      struct timespec pause = { window / SECOND, window % SECOND };
      clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
      noisy = -1;
      for (int kind = 0; kind < KINDS; kind++) {
        long woken = switches(children[kind], &threads[kind]) - before[kind];
        long allowed = is_exact ? 0 : threads[kind] * (window / SECOND + 1);
        if (woken <= allowed) continue;
        /* A thread may have slept for another one's latch, before its own wait. A timer would wake it each time. */
        if (attempt == 3)
          test_failed(__FILE__, __LINE__, "%d sleepers of kind %d woke %ld times", threads[kind], kind, woken);
        noisy = kind;
      }
    }
    for (int kind = 0; kind < KINDS; kind++) KILL(children[kind]);
    /* The dead participants of the barrier. */
    CHECK_EQUAL(ipc_barrier_reset(&everything->barrier), 0);
  }
  KILL(holding);
  CHECK_EQUAL(ipc_mq_close(empty), 0);
  CHECK_EQUAL(ipc_mq_close(full), 0);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  CHECK_EQUAL(ipc_cell_close(read_only_cell), 0);
  CHECK_EQUAL(ipc_topic_close(subscriber), 0);
  CHECK_EQUAL(ipc_topic_close(publisher), 0);
  return 0;
}
