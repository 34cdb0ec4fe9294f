/* A process is killed after it has released something and before it wakes the sleepers: at the entry of the system
 * call that would wake them. Nobody stays asleep: the kernel wakes a sleeper for the dead process, or sleepers check again by
 * themselves. At a cell that system call also publishes the value, so there the next writer's value wakes the sleepers. */
#include "asleep.h"

#include <sys/ptrace.h>

static struct {
  ipc_event_t manual, automatic;
  ipc_sem_t sem;
  ipc_rwlock_t read, written;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
  ipc_once_t once;
} *shared;

/* One that tells, and two that hear. (The request of a dead client is dropped, so services have no such case.) */
static ipc_topic_t *topics[2], *publisher;
static ipc_cell_t *cell;
static uint64_t value;

enum { MANUAL, AUTOMATIC, SEM, READ, WRITTEN, WRITTEN_BY_READER, PERMITS, BARRIER, ONCE, TOPIC, CELL, KINDS };

static void run_and_wait(void *context) {
  (void)context;
  stop_here();
}

static void nothing(void *context) { (void)context; }

/* Prepares the object and stops. When the sleeper sleeps, makes the call that releases the sleeper. */
static void waker(void *which) {
  unsigned permit;
  int kind = *(int *)which;
  be_traced();
  switch (kind) {
    case READ: CHECK_EQUAL(ipc_rwlock_read_lock(&shared->read, 0), 0); break;
    case WRITTEN:
    case WRITTEN_BY_READER: CHECK_EQUAL(ipc_rwlock_write_lock(&shared->written, 0), 0); break;
    case PERMITS: CHECK_EQUAL(ipc_permits_take(&shared->permits, &permit, 0), 0); break;
    case BARRIER: CHECK_EQUAL(ipc_barrier_join(&shared->barrier), 0); break;
  }
  if (kind == ONCE) CHECK_EQUAL(ipc_once(&shared->once, run_and_wait, NULL, 0), IPC_ONCE_RAN);
  raise(SIGSTOP);
  switch (kind) {
    case MANUAL: ipc_event_set(&shared->manual); break;
    case AUTOMATIC: ipc_event_set(&shared->automatic); break;
    case SEM: ipc_sem_post(&shared->sem); break;
    case READ: ipc_rwlock_unlock(&shared->read); break;
    case WRITTEN:
    case WRITTEN_BY_READER: ipc_rwlock_unlock(&shared->written); break;
    case PERMITS: ipc_permits_give(&shared->permits, permit); break;
    case BARRIER: ipc_barrier_wait(&shared->barrier, PATIENCE); break;
    case TOPIC: ipc_topic_send(publisher, &value, sizeof value, PATIENCE); break;
    case CELL: ipc_cell_write(cell, &value); break;
  }
}

static int number_of_sleeper;

static void sleeper(void *which) {
  unsigned permit;
  int result = -1;
  uint64_t found = 0;
  switch (*(int *)which) {
    case MANUAL: result = ipc_event_wait(&shared->manual, PATIENCE); break;
    case AUTOMATIC: result = ipc_event_wait(&shared->automatic, PATIENCE); break;
    case SEM: result = ipc_sem_wait(&shared->sem, PATIENCE); break;
    case READ: result = ipc_rwlock_write_lock(&shared->read, PATIENCE); break;
    case WRITTEN: result = ipc_rwlock_write_lock(&shared->written, PATIENCE); break;
    case WRITTEN_BY_READER: result = ipc_rwlock_read_lock(&shared->written, PATIENCE); break;
    case PERMITS: result = ipc_permits_take(&shared->permits, &permit, PATIENCE); break;
    case BARRIER: result = ipc_barrier_wait(&shared->barrier, PATIENCE); break;
    case ONCE: result = ipc_once(&shared->once, nothing, NULL, PATIENCE); break;
    case TOPIC: result = ipc_topic_receive(topics[number_of_sleeper], &found, sizeof found, NULL, PATIENCE) - 8; break;
    case CELL: result = ipc_cell_wait(cell, &found, value - 1, NULL, PATIENCE); break;
  }
  CHECK_EQUAL(result, 0);
}

/* Runs a stopped, traced child until it is about to call the kernel for a futex. */
static void run_until_futex(pid_t child) {
  for (;;) {
    int status;
    struct __ptrace_syscall_info info;
    CHECK(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status)) test_failed(__FILE__, __LINE__, "it ended without waking anybody");
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY && usual_call((long)info.entry.nr, 0) == SYS_futex) return;
  }
}

int main(void) {
  SKIP_UNDER_VALGRIND("its system calls are not the program's");
  shared = shared_memory(sizeof *shared);
  const char *topic = unique_name("topic");
  ipc_topic_attr_t topic_attr = { .sample_size = 8, .capacity = 4 };
  CHECK_EQUAL(ipc_topic_open(&publisher, topic, &topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_topic_open(&topics[i], topic, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  const ipc_type_t type = IPC_TYPE(uint64_t, 1);
  CHECK_EQUAL(ipc_cell_open(&cell, unique_name("cell"), &type, IPC_CREATE, 0600), IPC_CREATED);
  value = 1;
  for (int kind = 0; kind < KINDS; kind++) {
    CHECK_EQUAL(ipc_event_init(&shared->manual, 0), 0);
    CHECK_EQUAL(ipc_event_init(&shared->automatic, IPC_EVENT_AUTO_RESET), 0);
    CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
    CHECK_EQUAL(ipc_rwlock_init(&shared->read), 0);
    CHECK_EQUAL(ipc_rwlock_init(&shared->written), 0);
    CHECK_EQUAL(ipc_permits_init(&shared->permits, 1), 0);
    CHECK_EQUAL(ipc_barrier_init(&shared->barrier, 3), 0);
    int status;
    pid_t child = start(waker, &kind);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status)) SKIP("ptrace is not permitted here");
    CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
    pid_t sleepers[2];
    int count = kind == BARRIER || kind == TOPIC || kind == CELL ? 2 : 1;
    for (int i = 0; i < count; i++) {
      number_of_sleeper = i;
      sleepers[i] = start_asleep(sleeper, &kind);
    }
    run_until_futex(child);
    KILL(child);
    if (kind == CELL) CHECK_EQUAL(ipc_cell_write(cell, &value), 0);
    for (int i = 0; i < count; i++) FINISH(sleepers[i]);
  }
  return 0;
}
