/* The semaphore counts its permits: none is invented, and only the permit of a killed taker is lost. */
#include "victim.h"

struct place {
  ipc_sem_t sem, other;
};

enum { POSTED, TAKEN }; /* the indexes of arena->notes, which the survivors count */

static struct place *place(void) { return (struct place *)arena->place; }
static int result;

static void set_up_as(unsigned value) {
  EXPECT_EQUAL(ipc_sem_init(&place()->sem, value), 0);
  EXPECT_EQUAL(ipc_sem_init(&place()->other, 1), 0);
  arena->notes[POSTED] = value;
}

static void set_up_empty(void) { set_up_as(0); }
static void set_up_full(void) { set_up_as(2); }

static void warm_up(void) {
  EXPECT_EQUAL(ipc_sem_wait(&place()->other, 0), 0);
  EXPECT_EQUAL(ipc_sem_post(&place()->other), 0);
  EXPECT_EQUAL(ipc_sem_wait(&place()->other, IPC_FOREVER), 0);
  EXPECT_EQUAL(ipc_sem_wait(&place()->other, 1), -ETIMEDOUT);
}

static void run_wait(void) { result = ipc_sem_wait(&place()->sem, IPC_FOREVER); }
static void run_post(void) { result = ipc_sem_post(&place()->sem); }
static void after(void) { EXPECT_EQUAL(result, 0); }

static unsigned value(void) {
  unsigned found;
  EXPECT_EQUAL(ipc_sem_value(&place()->sem, &found), 0);
  return found;
}

static void post(void) {
  arena->notes[POSTED]++;
  EXPECT_EQUAL(ipc_sem_post(&place()->sem), 0);
}

static void release(int time) {
  (void)time;
  post();
}

static void sleep_wait(void) {
  int waited = ipc_sem_wait(&place()->sem, arena->patience_ns);
  EXPECT(waited == 0, "a sleeper's wait ends with %s", ipc_strerror(waited));
  arena->notes[TAKEN]++;
}

/* If a permit is free, the sleeper gets it without help. */
static void let_go_wait(int alive) {
  (void)alive;
  if (value() == 0) post();
}

/* Only the victim has posted, and its permit may have been taken already. */
static void let_go_post(int alive) {
  if (!alive && value() == 0) post();
}

static void meanwhile(void) { value(); }

static void check(void) {
  arena->notes[POSTED]++;
  EXPECT_EQUAL(ipc_sem_post(&place()->sem), 0);
  EXPECT_EQUAL(ipc_sem_wait(&place()->sem, arena->patience_ns), 0);
  arena->notes[TAKEN]++;
}

static void expect_value(int64_t least, int64_t most) {
  int64_t found = value();
  EXPECT(found >= least && found <= most, "the value is %d, expected %d to %d", (int)found, (int)least, (int)most);
}

static void settle_wait(int progress) {
  int64_t left = (int64_t)(arena->notes[POSTED] - arena->notes[TAKEN]);
  expect_value(left - (progress != KILLED_BEFORE), left - (progress >= KILLED_AFTER));
}

static void settle_post(int progress) {
  int64_t left = (int64_t)(arena->notes[POSTED] - arena->notes[TAKEN]);
  expect_value(left + (progress >= KILLED_AFTER), left + (progress != KILLED_BEFORE));
}

const struct operation sem_operations[] = {
  {.name = "sem.wait.first", .set_up = set_up_full, .run = run_wait, .after = after, .meanwhile = meanwhile,
   .check = check, .settle = settle_wait},
  {.name = "sem.wait", .set_up = set_up_full, .prepare = warm_up, .run = run_wait, .after = after,
   .meanwhile = meanwhile, .check = check, .settle = settle_wait},
  {.name = "sem.wait.asleep", .set_up = set_up_empty, .prepare = warm_up, .run = run_wait, .after = after,
   .release = release, .meanwhile = meanwhile, .check = check, .settle = settle_wait},
  {.name = "sem.wait.beside", .set_up = set_up_empty, .prepare = warm_up, .run = run_wait, .after = after,
   .sleep = sleep_wait, .sleepers = 1, .sleep_from = AT_BLOCK, .release = release, .meanwhile = meanwhile,
   .let_go = let_go_wait, .check = check, .settle = settle_wait},
  {.name = "sem.post", .set_up = set_up_full, .prepare = warm_up, .run = run_post, .after = after,
   .meanwhile = meanwhile, .check = check, .settle = settle_post},
  {.name = "sem.post.wanted", .set_up = set_up_empty, .prepare = warm_up, .run = run_post, .after = after,
   .sleep = sleep_wait, .sleepers = 1, .meanwhile = meanwhile, .let_go = let_go_post, .check = check,
   .settle = settle_post},
  {0},
};
