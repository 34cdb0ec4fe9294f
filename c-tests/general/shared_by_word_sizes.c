/* Programs of 32 and of 64 bits share every placed type and the queue. Either of the two may die, and the other goes
 * on as after the death of a program of its own kind.
 *
 * ROBUSTIPC_OTHER_TESTS names the folder of the C tests of the other build. The test starts its own program from there,
 * with the name of a step. Each scenario is a list of steps that runs with both divisions of the work: what one side
 * does first, the other does in the second run. Each side makes the object once. */
#include "test.h"
#include <sys/prctl.h>

typedef struct {
  uint32_t first;
  ipc_mutex_t mutex, lending, recursive;
  uint32_t second;
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
  ipc_once_t once;
  ipc_cond_t cond;
  ipc_sem_t sem;
  ipc_event_t event;
  uint64_t count;
  int32_t flag, ran;
} shared_t;

static const ipc_type_t shared_type =
  IPC_TYPE_FIELDS(shared_t, 1, first, mutex, second, rwlock, barrier, once, event, count, flag);

static const char *region_name, *queue_name;
static shared_t *shared;
static ipc_mq_t *queue;

static int initialise(void *data, void *context) {
  (void)context;
  shared_t *fresh = data;
  ipc_mutex_attr_t lending = { .flags = IPC_MUTEX_PRIORITY_INHERIT }, recursive = { .flags = IPC_MUTEX_RECURSIVE };
  CHECK_EQUAL(ipc_mutex_init(&fresh->mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&fresh->lending, &lending), 0);
  CHECK_EQUAL(ipc_mutex_init(&fresh->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_rwlock_init(&fresh->rwlock), 0);
  CHECK_EQUAL(ipc_permits_init(&fresh->permits, 1), 0);
  CHECK_EQUAL(ipc_barrier_init(&fresh->barrier, 2), 0);
  CHECK_EQUAL(ipc_cond_init(&fresh->cond), 0);
  CHECK_EQUAL(ipc_sem_init(&fresh->sem, 0), 0);
  CHECK_EQUAL(ipc_event_init(&fresh->event, IPC_EVENT_AUTO_RESET), 0);
  return 0;
}

static void open_all(void) {
  ipc_shm_t *shm;
  int opened = ipc_shm_open_typed_init(&shm, region_name, &shared_type, IPC_CREATE, 0600, initialise, NULL);
  if (opened < 0) test_failed(__FILE__, __LINE__, "%s", ipc_last_error());
  shared = ipc_shm_data(shm);
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 20000 };
  opened = ipc_mq_open(&queue, queue_name, &attr, IPC_CREATE, 0600);
  if (opened < 0) test_failed(__FILE__, __LINE__, "%s", ipc_last_error());
}

static void die(void) { raise(SIGKILL); }

static void make(void) {}

static void lock_die(void) {
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->lending, PATIENCE), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->recursive, PATIENCE), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->recursive, PATIENCE), 0);
  die();
}
static void lock_recover(void) {
  ipc_mutex_t *all[] = { &shared->recursive, &shared->mutex, &shared->lending };
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mutex_lock(all[i], PATIENCE), IPC_OWNER_DIED);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mutex_consistent(all[i]), 0);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mutex_unlock(all[i]), 0);
}
static void lock_count(void) {
  for (int i = 0; i < 20000; i++) {
    CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
    shared->count++;
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  }
}
static void lock_counted(void) {
  CHECK_EQUAL(shared->count, 40000);
  shared->count = 0;
}

static void write_die(void) {
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, PATIENCE), 0);
  die();
}
static void write_recover(void) {
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_rwlock_consistent(&shared->rwlock), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}
static void read_die(void) {
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), 0);
  die();
}
static void write_clean(void) {
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}

static void permit_die(void) {
  unsigned permit;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &permit, PATIENCE), 0);
  die();
}
static void permit_recover(void) {
  unsigned permit;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &permit, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_permits_give(&shared->permits, permit), 0);
}

static void cond_wait(void) {
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  while (shared->flag == 0) CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, PATIENCE), 0);
  shared->flag = 0;
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}
static void cond_signal(void) {
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
  shared->flag = 1;
  CHECK_EQUAL(ipc_cond_signal(&shared->cond), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void sem_wait_step(void) { CHECK_EQUAL(ipc_sem_wait(&shared->sem, PATIENCE), 0); }
static void sem_post_step(void) { CHECK_EQUAL(ipc_sem_post(&shared->sem), 0); }
static void event_wait(void) { CHECK_EQUAL(ipc_event_wait(&shared->event, PATIENCE), 0); }
static void event_set(void) { CHECK_EQUAL(ipc_event_set(&shared->event), 0); }

static void barrier_meet(void) {
  CHECK(ipc_barrier_wait(&shared->barrier, PATIENCE) >= 0);
  CHECK_EQUAL(ipc_barrier_leave(&shared->barrier), 0);
}
static void barrier_die(void) {
  CHECK_EQUAL(ipc_barrier_join(&shared->barrier), 0);
  die();
}
static void barrier_broken(void) {
  int result = ipc_barrier_wait(&shared->barrier, PATIENCE);
  if (result != -EOWNERDEAD) test_failed(__FILE__, __LINE__, "%d: %s", result, ipc_last_error());
  CHECK_EQUAL(ipc_barrier_reset(&shared->barrier), 0);
}

static void run_and_die(void *context) {
  (void)context;
  die();
}
static void run(void *context) {
  (void)context;
  shared->ran++;
}
static void once_die(void) { ipc_once(&shared->once, run_and_die, NULL, PATIENCE); }
static void once_run(void) {
  CHECK(ipc_once(&shared->once, run, NULL, PATIENCE) >= 0);
  CHECK_EQUAL(shared->ran, 1);
  memset(&shared->once, 0, sizeof shared->once);
  shared->ran = 0;
}

static void queue_send(void) {
  CHECK_EQUAL(ipc_mq_send(queue, "low", 4, 1, PATIENCE), 0);
  CHECK_EQUAL(ipc_mq_send(queue, "high", 5, 7, PATIENCE), 0);
}
static void receive_is(const char *text, unsigned priority) {
  static char buffer[20000];
  unsigned found;
  ssize_t length = ipc_mq_receive(queue, buffer, sizeof buffer, &found, PATIENCE);
  if (length < 0) test_failed(__FILE__, __LINE__, "%s", ipc_last_error());
  CHECK_EQUAL(length, strlen(text) + 1);
  CHECK(strcmp(buffer, text) == 0);
  CHECK_EQUAL(found, priority);
}
static void queue_receive(void) {
  receive_is("high", 7);
  receive_is("low", 1);
}
/* One message: a receiver that is woken for the first of two may take it before the second is there. */
static void queue_await(void) { receive_is("awaited", 3); }
static void queue_answer(void) { CHECK_EQUAL(ipc_mq_send(queue, "awaited", 8, 3, PATIENCE), 0); }
static void queue_reserve_die(void) {
  void *room;
  CHECK_EQUAL(ipc_mq_reserve(queue, &room, PATIENCE), 0);
  die();
}
static void queue_borrow_die(void) {
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(queue, &message, NULL, NULL, PATIENCE), 5);
  die();
}
static void queue_redelivered(void) {
  const void *message;
  unsigned priority, redeliveries;
  CHECK_EQUAL(ipc_mq_borrow(queue, &message, &priority, &redeliveries, PATIENCE), 5);
  CHECK(strcmp(message, "high") == 0);
  CHECK_EQUAL(priority, 7);
  CHECK_EQUAL(redeliveries, 1);
  CHECK_EQUAL(ipc_mq_return(queue, message), 0);
  receive_is("low", 1);
}
/* All four slots are free again. */
static void queue_fill(void) {
  static char large[20000];
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_mq_send(queue, large, sizeof large, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(queue, "", 1, 0, 0), -EAGAIN);
}
static void queue_drain(void) {
  static char large[20000];
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_mq_receive(queue, large, sizeof large, NULL, 0), 20000);
}

#define STEP(function) { #function, function }
static const struct {
  const char *name;
  void (*run)(void);
} steps[] = {
  STEP(make), STEP(lock_die), STEP(lock_recover), STEP(lock_count), STEP(lock_counted), STEP(write_die),
  STEP(write_recover), STEP(read_die), STEP(write_clean), STEP(permit_die), STEP(permit_recover), STEP(cond_wait),
  STEP(cond_signal), STEP(sem_wait_step), STEP(sem_post_step), STEP(event_wait), STEP(event_set), STEP(barrier_meet),
  STEP(barrier_die), STEP(barrier_broken), STEP(once_die), STEP(once_run), STEP(queue_send), STEP(queue_receive), STEP(queue_await), STEP(queue_answer),
  STEP(queue_reserve_die), STEP(queue_borrow_die), STEP(queue_redelivered), STEP(queue_fill), STEP(queue_drain),
};

/* Two steps: the first is of one side, the second of the other. Both run at once if they wait for each other;
 * otherwise the second runs after the end of the first. */
static const struct {
  const char *first, *second;
  int at_once;
} scenarios[] = {
  { "lock_die", "lock_recover", 0 },
  { "lock_count", "lock_count", 1 },
  { "lock_counted", "make", 0 },
  { "write_die", "write_recover", 0 },
  { "read_die", "write_clean", 0 },
  { "permit_die", "permit_recover", 0 },
  { "cond_wait", "cond_signal", 1 },
  { "sem_wait_step", "sem_post_step", 1 },
  { "event_wait", "event_set", 1 },
  { "barrier_meet", "barrier_meet", 1 },
  { "barrier_die", "barrier_broken", 0 },
  { "once_die", "once_run", 0 },
  { "queue_send", "queue_receive", 0 },
  { "queue_await", "queue_answer", 1 },
  { "queue_send", "queue_borrow_die", 0 },
  { "queue_reserve_die", "queue_redelivered", 0 },
  { "queue_fill", "queue_drain", 0 },
};

static void run_step(const char *name) {
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (strcmp(steps[i].name, name) != 0) continue;
    open_all();
    steps[i].run();
    return;
  }
  test_failed(__FILE__, __LINE__, "no step %s", name);
}

/* Starts a step on this side, or on the other. */
static pid_t start_step(const char *other, const char *step) {
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (other == NULL) {
    run_step(step);
    exit(0);
  }
  execl(other, other, step, region_name, queue_name, (char *)NULL);
  test_failed(__FILE__, __LINE__, "%s: %s", other, strerror(errno));
}

static void finish_step(pid_t child, const char *side, const char *step) {
  int status = wait_for(child);
  size_t length = strlen(step);
  int dies = length > 4 && strcmp(step + length - 4, "_die") == 0;
  if (dies ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL : status != 0)
    test_failed(__FILE__, __LINE__, "%s on %s side: wait status %#x", step, side, (unsigned)status);
}

static void play(const char *other, int swapped) {
  const char *sides[2] = { swapped ? other : NULL, swapped ? NULL : other };
  const char *names[2] = { swapped ? "the other" : "this", swapped ? "this" : "the other" };
  finish_step(start_step(sides[0], "make"), names[0], "make");
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    pid_t first = start_step(sides[0], scenarios[i].first);
    if (!scenarios[i].at_once) finish_step(first, names[0], scenarios[i].first);
    pid_t second = start_step(sides[1], scenarios[i].second);
    if (scenarios[i].at_once) finish_step(first, names[0], scenarios[i].first);
    finish_step(second, names[1], scenarios[i].second);
  }
  CHECK_EQUAL(ipc_shm_unlink(region_name), 0);
  CHECK_EQUAL(ipc_mq_unlink(queue_name, 0), 0);
}

int main(int argc, char **argv) {
  if (argc == 4) {
    region_name = argv[2];
    queue_name = argv[3];
    run_step(argv[1]);
    return 0;
  }
  region_name = unique_name("region");
  queue_name = unique_name("queue");
  const char *folder = getenv("ROBUSTIPC_OTHER_TESTS");
  char path[4096];
  snprintf(path, sizeof path, "%s/general/shared_by_word_sizes", folder == NULL ? "" : folder);
  if (folder != NULL && access(path, X_OK) != 0) test_failed(__FILE__, __LINE__, "%s cannot be run", path);
  /* Without another build, the steps themselves are tested. */
  play(folder == NULL ? NULL : path, 0);
  play(folder == NULL ? NULL : path, 1);
  return 0;
}
