/* A process is killed at many instructions of the call that makes what another one sleeps for. If the change has happened, the
 * sleeper ends its wait without any further call; otherwise it sleeps on, and the next change wakes it. The test knows a change by
 * calls that take no lock, since others would repair what the dead process has left. ROBUSTIPC_POINTS makes the test try more
 * instructions, and ROBUSTIPC_KIND only one kind. */
#include "asleep.h"

#include <sys/ptrace.h>

enum { SEM, EVENT, QUEUE, TOPIC, CELL, KINDS };

static struct {
  ipc_sem_t sem;
  ipc_event_t event, another;
  _Atomic int is_done;
} *shared;

static ipc_mq_t *queue;
static ipc_topic_t *topic, *subscriber, *observer;
static ipc_cell_t *cell;
static uint64_t value;

static void change(int kind) {
  switch (kind) {
    case SEM: ipc_sem_post(&shared->sem); break;
    case EVENT: ipc_event_set(&shared->event); break;
    case QUEUE: ipc_mq_send(queue, &value, sizeof value, 0, PATIENCE); break;
    case TOPIC: ipc_topic_send(topic, &value, sizeof value, PATIENCE); break;
    case CELL: ipc_cell_write(cell, &value); break;
  }
}

static void waker(void *kind) {
  /* A thread's first call asks the kernel for many things. */
  CHECK_EQUAL(ipc_event_set(&shared->another), 0);
  be_traced();
  raise(SIGSTOP);
  change(*(int *)kind);
  shared->is_done = 1;
}

static void sleeper(void *kind) {
  uint64_t found = 0;
  int64_t result = -1;
  switch (*(int *)kind) {
    case SEM: result = ipc_sem_wait(&shared->sem, PATIENCE); break;
    case EVENT: result = ipc_event_wait(&shared->event, PATIENCE); break;
    case QUEUE: result = ipc_mq_receive(queue, &found, sizeof found, NULL, PATIENCE) - 8; break;
    case TOPIC: result = ipc_topic_receive(subscriber, &found, sizeof found, NULL, PATIENCE) - 8; break;
    case CELL: result = ipc_cell_wait(cell, &found, value - 1, NULL, PATIENCE); break;
  }
  CHECK_EQUAL(result, 0);
  _exit(0);
}

/* Whether the change has happened, as far as the sleeper has not taken it. */
static int has_happened(int kind) {
  unsigned permits = 0;
  ipc_mq_attr_t attr;
  ipc_sample_t info = { 0 };
  uint64_t found;
  switch (kind) {
    case SEM: CHECK_EQUAL(ipc_sem_value(&shared->sem, &permits), 0); return permits != 0;
    case EVENT: return ipc_event_is_set(&shared->event) != 0;
    case QUEUE: CHECK_EQUAL(ipc_mq_getattr(queue, &attr), 0); return attr.current_messages != 0;
    case TOPIC: return ipc_topic_receive(observer, &found, sizeof found, NULL, 0) == 8;
    default: return ipc_cell_read(cell, &found, &info) == 0 && info.number >= value;
  }
}

/* Runs a stopped, traced child for so many instructions, or until it has made its call. Returns how many it made. */
static long step(pid_t child, long instructions) {
  long made = 0;
  for (; made < instructions && !shared->is_done; made++) {
    int status;
    CHECK(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status)) test_failed(__FILE__, __LINE__, "the child has ended: %#x", (unsigned)status);
  }
  return made;
}

/* Whether the sleeper ends by itself. False: nothing has happened for which it sleeps. */
static int ends_by_itself(pid_t child, int kind) {
  int happened = 0;
  for (int64_t end = now_ns() + PATIENCE / 2; now_ns() < end; sched_yield()) {
    siginfo_t info = { 0 };
    CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
    if (info.si_pid == child) return 1;
    happened |= has_happened(kind);
    /* It has not taken anything, if it sleeps before and after. */
    if (!happened && is_on_futex(child) && !(happened |= has_happened(kind)) && is_on_futex(child)) return 0;
  }
  test_failed(__FILE__, __LINE__, "a sleeper of kind %d is not woken", kind);
  return 0;
}

/* Lets the waker make so many instructions, and kills it there. */
static long kill_after(int kind, long instructions) {
  uint64_t found;
  int status;
  shared->is_done = 0;
  CHECK_EQUAL(ipc_event_reset(&shared->event), 0);
  pid_t child = start(waker, &kind);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (!WIFSTOPPED(status)) SKIP("ptrace is not permitted here");
  CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) == 0);
  pid_t sleeping = start_asleep(sleeper, &kind);
  long made = step(child, instructions);
  KILL(child);
  if (!ends_by_itself(sleeping, kind)) change(kind);
  FINISH(sleeping);
  while (ipc_topic_receive(observer, &found, sizeof found, NULL, 0) == 8) {}
  /* The next sleeper continues where this handle is. */
  while (ipc_topic_receive(subscriber, &found, sizeof found, NULL, 0) == 8) {}
  ipc_sample_t info;
  if (kind == CELL) {
    CHECK_EQUAL(ipc_cell_read(cell, &found, &info), 0);
    value = info.number + 1;
  }
  return made;
}

int main(void) {
  SKIP_WITHOUT_STEPS();
  SKIP_UNDER_VALGRIND("it knows no single steps");
  SKIP_UNDER_SANITIZERS("their instructions are too many");
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->event, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->another, 0), 0);
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 8 };
  ipc_topic_attr_t topic_attr = { .sample_size = 8, .capacity = 4 };
  const ipc_type_t type = IPC_TYPE(uint64_t, 1);
  const char *topic_name = unique_name("topic");
  CHECK_EQUAL(ipc_mq_open(&queue, unique_name("queue"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&topic, topic_name, &topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&subscriber, topic_name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_open(&observer, topic_name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_cell_open(&cell, unique_name("cell"), &type, IPC_CREATE, 0600), IPC_CREATED);
  value = 1;
  const char *wanted_points = getenv("ROBUSTIPC_POINTS"), *wanted_kind = getenv("ROBUSTIPC_KIND");
  int points = wanted_points != NULL ? atoi(wanted_points) : 6;
  for (int kind = 0; kind < KINDS; kind++) {
    if (wanted_kind != NULL && kind != atoi(wanted_kind)) continue;
    long all = kill_after(kind, 1000000);
    /* The change comes in the second half. */
    for (int point = 0; point < points; point++) kill_after(kind, all / 2 + all / 2 * point / points);
  }
  return 0;
}
