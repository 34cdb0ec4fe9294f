/* The barrier, for three participants: the victim and two sleepers, or those that check. A round is complete for all
 * that wait in it, or broken for all. One of them learns that it was the last, and nobody is left waiting. */
#include "victim.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

struct place {
  ipc_barrier_t barrier, other;
};

enum { COUNT = 3 };
/* The indexes of arena->notes: sleepers that have begun; sleepers whose round was complete; sleepers whose round was
 * broken; results IPC_BARRIER_SERIAL; checkers; whether a participant was lost after a reset. */
enum { BEGUN, COMPLETE, BROKEN, SERIAL, CHECKERS, LOST };

static struct place *place(void) { return (struct place *)arena->place; }
static ipc_barrier_t *barrier(void) { return &place()->barrier; }
static int result;

static void leave_it(void) { EXPECT_EQUAL(ipc_barrier_leave(barrier()), 0); }

/* Notes the result of a participant's wait, in the round of victim and sleepers. */
static void note(int waited) {
  EXPECT(
    waited == 0 || waited == IPC_BARRIER_SERIAL || waited == -EOWNERDEAD, "a participant's wait ends with %s",
    ipc_strerror(waited));
  if (waited == IPC_BARRIER_SERIAL) arena->notes[SERIAL]++;
  arena->notes[waited < 0 ? BROKEN : COMPLETE]++;
}

/* ---- set_up ---- */

static void set_up(void) {
  EXPECT_EQUAL(ipc_barrier_init(barrier(), COUNT), 0);
  EXPECT_EQUAL(ipc_barrier_init(&place()->other, 1), 0);
}

static void *die_taking_part(void *unused) {
  (void)unused;
  EXPECT_EQUAL(ipc_barrier_join(barrier()), 0);
  return NULL;
}

static void lose_a_participant(void) {
  in_a_thread(die_taking_part, NULL);
}

static void set_up_orphaned(void) {
  set_up();
  lose_a_participant();
}

static void set_up_broken(void) {
  set_up_orphaned();
  EXPECT_EQUAL(ipc_barrier_wait(barrier(), 0), -EOWNERDEAD);
}

/* ---- the victim ---- */

static void warm_up(void) {
  EXPECT_EQUAL(ipc_barrier_join(&place()->other), 0);
  EXPECT_EQUAL(ipc_barrier_wait(&place()->other, 0), IPC_BARRIER_SERIAL);
  EXPECT_EQUAL(ipc_barrier_leave(&place()->other), 0);
  EXPECT_EQUAL(ipc_barrier_reset(&place()->other), 0);
}

static void prepare_joined(void) {
  warm_up();
  EXPECT_EQUAL(ipc_barrier_join(barrier()), 0);
}

static void run_wait(void) { result = ipc_barrier_wait(barrier(), IPC_FOREVER); }
/* Times out and withdraws if no sleeper has come. */
static void run_wait_briefly(void) { result = ipc_barrier_wait(barrier(), 200000); }
static void run_join(void) { result = ipc_barrier_join(barrier()); }
static void run_leave(void) { result = ipc_barrier_leave(barrier()); }
static void run_reset(void) { result = ipc_barrier_reset(barrier()); }

static void after(void) { EXPECT_EQUAL(result, 0); }

static void after_wait(void) {
  EXPECT(result == 0 || result == IPC_BARRIER_SERIAL, "the victim's wait ends with %s", ipc_strerror(result));
  note(result);
  leave_it();
}

static void after_wait_briefly(void) {
  if (result == -ETIMEDOUT) result = ipc_barrier_wait(barrier(), IPC_FOREVER);
  after_wait();
}

static void after_join(void) {
  EXPECT_EQUAL(result, 0);
  result = ipc_barrier_wait(barrier(), IPC_FOREVER);
  after_wait();
}

/* ---- the survivors ---- */

static void sleep_wait(void) {
  arena->notes[BEGUN]++;
  int waited = ipc_barrier_wait(barrier(), arena->patience_ns);
  note(waited);
  leave_it();
}

/* Takes the victim's place in the round if the victim died before it became a participant, or has left. In all other
 * cases the sleepers return without help: the victim died as a participant, or all had arrived. */
static void let_go(int alive) {
  (void)alive;
  while (arena->notes[COMPLETE] + arena->notes[BROKEN] < arena->notes[BEGUN] && arena->complaint[0] == 0) {
    int waited = ipc_barrier_wait(barrier(), 1000000);
    if (waited == -EOWNERDEAD || waited == -EBUSY) {
      sched_yield();
      continue;
    }
    EXPECT(
      waited >= 0 || waited == -ETIMEDOUT, "the participant in the victim's place gets %s", ipc_strerror(waited));
    if (waited == IPC_BARRIER_SERIAL) arena->notes[SERIAL]++;
    if (waited >= 0) break;
  }
  int left = ipc_barrier_leave(barrier());
  EXPECT(left == 0 || left == -EPERM, "leaving gives %s", ipc_strerror(left));
}

static void meanwhile(void) {
  int waited = ipc_barrier_wait(barrier(), 0);
  EXPECT(waited == -EAGAIN || waited == -EBUSY, "with the victim alive, and others missing, a wait gives %d", waited);
  if (waited == -EAGAIN) leave_it();
}

/* For a victim that may not be a participant yet: a wait would take its place and end the round without it. */
static void meanwhile_join(void) {
  int joined = ipc_barrier_join(barrier());
  EXPECT(joined == 0 || joined == -EBUSY, "with the victim alive joining gives %s", ipc_strerror(joined));
  if (joined == 0) leave_it();
}

static void meanwhile_reset(void) {
  int reset = ipc_barrier_reset(barrier());
  EXPECT(reset == 0 || reset == -EBUSY, "with the victim alive a reset gives %s", ipc_strerror(reset));
}

/* Resets the barrier while the victim is stopped in its own reset. Then a participant dies. The victim's reset must not
 * hide this new death. */
static void meanwhile_overtake(void) {
  int reset = ipc_barrier_reset(barrier());
  EXPECT(reset == 0 || reset == -EBUSY, "with the victim alive a reset gives %s", ipc_strerror(reset));
  if (reset != 0) return;
  lose_a_participant();
  arena->notes[LOST] = 1;
}

/* How often the barrier was reset: the highest byte of the state, 8 bytes into the barrier (src/sync/round.rs). */
static unsigned resets(void) {
  uint64_t state;
  memcpy(&state, (char *)barrier() + 8, sizeof state);
  return (unsigned)(state >> 56);
}

/* A death after the first reset is reported, unless a second reset came after the death. */
static void settle_overtaken(int progress) {
  (void)progress;
  int waited = ipc_barrier_wait(barrier(), 0);
  EXPECT(waited == -EOWNERDEAD || waited == -EAGAIN, "a wait gives %s", ipc_strerror(waited));
  EXPECT(
    arena->notes[LOST] == 0 || waited == -EOWNERDEAD || resets() >= 2, "a death is forgotten that nobody was told of");
  int left = ipc_barrier_leave(barrier());
  EXPECT(left == 0 || left == -EPERM, "leaving gives %s", ipc_strerror(left));
  EXPECT_EQUAL(ipc_barrier_reset(barrier()), 0);
  EXPECT_EQUAL(ipc_barrier_wait(barrier(), 0), -EAGAIN);
  leave_it();
}

/* Takes part in one round of three, whatever happened before. A participant that finds the barrier broken resets it. */
static void *pass(void *unused) {
  (void)unused;
  int64_t end = now_ns() + arena->patience_ns;
  int waited;
  while ((waited = ipc_barrier_wait(barrier(), arena->patience_ns)) == -EOWNERDEAD || waited == -EBUSY) {
    EXPECT(now_ns() < end, "nobody can wait any more: %s", ipc_strerror(waited));
    if (waited == -EOWNERDEAD) {
      int reset = ipc_barrier_reset(barrier());
      EXPECT(reset == 0 || reset == -EBUSY, "a reset ends with %s", ipc_strerror(reset));
    }
    sched_yield();
  }
  EXPECT(waited >= 0, "a survivor's wait ends with %s", ipc_strerror(waited));
  leave_it();
  return NULL;
}

static void check(void) {
  pthread_t third;
  bool is_first = arena->notes[CHECKERS]++ == 0;
  if (is_first) EXPECT_EQUAL(pthread_create(&third, NULL, pass, NULL), 0);
  pass(NULL);
  if (is_first) EXPECT_EQUAL(pthread_join(third, NULL), 0);
}

/* All waiters have got the same result. */
static void expect_agreement(void) {
  EXPECT(
    arena->notes[COMPLETE] == 0 || arena->notes[BROKEN] == 0, "a round was complete for %d and broken for %d",
    (int)arena->notes[COMPLETE], (int)arena->notes[BROKEN]);
  EXPECT(arena->notes[SERIAL] <= 1, "%d were told that they were the last", (int)arena->notes[SERIAL]);
}

static void expect_told(int told, const char *what) {
  EXPECT(
    arena->notes[told] == arena->notes[BEGUN], "of %d others only %d know that the round is %s",
    (int)arena->notes[BEGUN], (int)arena->notes[told], what);
}

static void expect_alive(void) {
  EXPECT_EQUAL(arena->notes[BROKEN], 0);
  EXPECT_EQUAL(arena->notes[SERIAL], 1);
  EXPECT_EQUAL(ipc_barrier_destroy(barrier()), 0);
}

/* The victim takes part from the first instruction. */
static void settle_wait(int progress) {
  expect_agreement();
  if (progress == KILLED_BEFORE) expect_told(BROKEN, "broken");
  if (progress == KILLED_AFTER) expect_told(COMPLETE, "complete");
  if (progress == LEFT_ALIVE) expect_alive();
}

static void settle_wait_briefly(int progress) {
  expect_agreement();
  if (progress == LEFT_ALIVE) expect_alive();
}

static void settle_wait_outside(int progress) {
  expect_agreement();
  if (progress == KILLED_BEFORE || progress == KILLED_AFTER) expect_told(COMPLETE, "complete");
  if (progress == LEFT_ALIVE) expect_alive();
}

static void settle_join(int progress) {
  expect_agreement();
  if (progress == KILLED_BEFORE) expect_told(COMPLETE, "complete");
  if (progress == KILLED_AFTER) expect_told(BROKEN, "broken");
  if (progress == LEFT_ALIVE) expect_alive();
}

static void settle_leave(int progress) {
  expect_agreement();
  if (progress == KILLED_BEFORE) expect_told(BROKEN, "broken");
  if (progress >= KILLED_AFTER) expect_told(COMPLETE, "complete");
}

#define COMMON .meanwhile = meanwhile, .let_go = let_go, .check = check
#define COMMON_OUTSIDE .meanwhile = meanwhile_join, .let_go = let_go, .check = check

const struct operation barrier_operations[] = {
  {.name = "barrier.wait.joining", .set_up = set_up, .prepare = warm_up, .run = run_wait, .after = after_wait,
   .sleep = sleep_wait, .sleepers = 2, COMMON_OUTSIDE, .settle = settle_wait_outside},
  {.name = "barrier.wait.last", .set_up = set_up, .prepare = prepare_joined, .run = run_wait,
   .after = after_wait, .sleep = sleep_wait, .sleepers = 2, COMMON, .settle = settle_wait,
   .recovery = "barrier.reset"},
  {.name = "barrier.wait.asleep", .set_up = set_up, .prepare = prepare_joined, .run = run_wait,
   .after = after_wait, .sleep = sleep_wait, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON,
   .settle = settle_wait},
  {.name = "barrier.wait.briefly", .set_up = set_up, .prepare = prepare_joined, .run = run_wait_briefly,
   .after = after_wait_briefly, .sleep = sleep_wait, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON,
   .settle = settle_wait_briefly},
  {.name = "barrier.join", .set_up = set_up, .prepare = warm_up, .run = run_join, .after = after_join,
   .sleep = sleep_wait, .sleepers = 2, COMMON_OUTSIDE, .settle = settle_join},
  {.name = "barrier.leave", .set_up = set_up, .prepare = prepare_joined, .run = run_leave, .after = after,
   .sleep = sleep_wait, .sleepers = 2, COMMON_OUTSIDE, .settle = settle_leave},
  {.name = "barrier.reset", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_reset,
   .after = after, .meanwhile = meanwhile_reset, .check = check, .recovery = "barrier.reset"},
  {.name = "barrier.reset.broken", .set_up = set_up_broken, .prepare = warm_up, .run = run_reset,
   .after = after, .meanwhile = meanwhile_reset, .check = check, .recovery = "barrier.reset"},
  {.name = "barrier.reset.overtaken", .set_up = set_up_broken, .prepare = warm_up, .run = run_reset,
   .after = after, .meanwhile = meanwhile_overtake, .settle = settle_overtaken},
  {0},
};
