/* The condition variable: each token that is put down lets one waiter go. */
#include "victim.h"

struct place {
  ipc_mutex_t mutex, other;
  ipc_cond_t cond, other_cond;
};

enum { TOKENS, GIVEN }; /* of arena->notes */

static struct place *place(void) { return (struct place *)arena->place; }

static int lock_it(int64_t timeout_ns) { return ipc_mutex_lock(&place()->mutex, timeout_ns); }
static int unlock_it(void) { return ipc_mutex_unlock(&place()->mutex); }
static int consistent(void) { return ipc_mutex_consistent(&place()->mutex); }
static const struct lock lock = {lock_it, unlock_it, consistent};

static bool holding;
static int result;

static void set_up_as(int flags) {
  ipc_mutex_attr_t attr = {.flags = flags};
  EXPECT_EQUAL(ipc_mutex_init(&place()->mutex, &attr), 0);
  EXPECT_EQUAL(ipc_mutex_init(&place()->other, &attr), 0);
  EXPECT_EQUAL(ipc_cond_init(&place()->cond), 0);
  EXPECT_EQUAL(ipc_cond_init(&place()->other_cond), 0);
  holding = false;
}

static void set_up_plain(void) { set_up_as(0); }
static void set_up_recursive(void) { set_up_as(IPC_MUTEX_RECURSIVE); }
static void set_up_pi(void) { set_up_as(IPC_MUTEX_PRIORITY_INHERIT); }

static void warm_up(void) {
  EXPECT_EQUAL(ipc_mutex_lock(&place()->other, 0), 0);
  EXPECT_EQUAL(ipc_cond_wait(&place()->other_cond, &place()->other, 0), -EAGAIN);
  EXPECT_EQUAL(ipc_mutex_unlock(&place()->other), 0);
  EXPECT_EQUAL(ipc_cond_signal(&place()->other_cond), 0);
}

static void prepare_locked(void) {
  warm_up();
  EXPECT_EQUAL(take(&lock, 0), 0);
  leave();
}

static void prepare_locked_twice(void) {
  prepare_locked();
  EXPECT_EQUAL(lock_it(0), 0);
}

static void run_wait(void) { result = ipc_cond_wait(&place()->cond, &place()->mutex, IPC_FOREVER); }

/* Waits until there is a token, and takes it. `woken` is the result of the last wait. */
static void take_token(int woken, int64_t timeout_ns) {
  for (;;) {
    EXPECT(woken >= 0, "a waiter's wait ends with %s", ipc_strerror(woken));
    enter(&lock, woken);
    if (arena->notes[TOKENS] > 0) break;
    leave();
    woken = ipc_cond_wait(&place()->cond, &place()->mutex, timeout_ns);
  }
  arena->notes[TOKENS]--;
  drop(&lock);
}

static void after_wait(void) { take_token(result, IPC_FOREVER); }

static void after_wait_twice(void) {
  /* After the wait a recursive mutex is locked as often as before. */
  EXPECT_EQUAL(unlock_it(), 0);
  take_token(result, IPC_FOREVER);
  EXPECT_EQUAL(unlock_it(), -EPERM);
}

static void sleep_wait(void) {
  take_token(lock_it(arena->patience_ns), arena->patience_ns);
}

/* Puts down a token and signals it. */
static void give(int (*tell)(ipc_cond_t *)) {
  if (!holding) {
    int locked = take(&lock, arena->patience_ns);
    EXPECT(locked >= 0, "a survivor cannot lock: %s", ipc_strerror(locked));
  }
  holding = false;
  arena->notes[TOKENS]++;
  arena->notes[GIVEN]++;
  EXPECT_EQUAL(tell(&place()->cond), 0);
  drop(&lock);
}

static void release_hold(int time) {
  (void)time;
  if (holding) {
    holding = false;
    drop(&lock);
  }
}

/* Puts down tokens for victim and sleeper, and signals once. If the victim is killed, the sleeper gets the signal, even
 * if the kernel had given it to the victim. If the victim is asleep a second time, it waits for the mutex, and may get
 * the mutex while it is stopped. So no other thread may wait for the mutex then. */
static void release(int time) {
  if (time == 1) {
    arena->notes[TOKENS]++;
    give(ipc_cond_signal);
  }
  release_hold(0);
}

/* For a sleeper that waits before the victim does, and would get a single signal. */
static void release_both(int time) {
  if (time == 1) {
    arena->notes[TOKENS]++;
    give(ipc_cond_broadcast);
  }
  release_hold(0);
}

static void let_go(int alive) {
  if (alive || arena->notes[GIVEN] == 0) give(ipc_cond_signal);
  release_hold(0);
}

static void meanwhile(void) {
  if (holding) return;
  int locked = take(&lock, 0);
  EXPECT(locked == 0 || locked == -EAGAIN, "with the victim alive a lock gives %d", locked);
  holding = locked == 0;
}

static void check(void) {
  use_lock(&lock);
  EXPECT_EQUAL(ipc_cond_broadcast(&place()->cond), 0);
}

static void settle_wait(int progress) {
  if (progress == KILLED_BEFORE || progress == KILLED_AFTER)
    EXPECT(arena->deaths == 1, "IPC_OWNER_DIED was returned %d times, expected 1", (int)arena->deaths);
  if (progress == LEFT_ALIVE)
    EXPECT(arena->deaths == 0, "IPC_OWNER_DIED was returned %d times, expected 0", (int)arena->deaths);
}

/* ---- signal and broadcast: the tokens are put down first, then the victim signals ---- */

static void run_signal(void) {
  arena->notes[TOKENS] = 1;
  result = ipc_cond_signal(&place()->cond);
}

static void run_broadcast(void) {
  arena->notes[TOKENS] = 2;
  result = ipc_cond_broadcast(&place()->cond);
}

static void run_signal_locked(void) {
  EXPECT_EQUAL(take(&lock, IPC_FOREVER), 0);
  arena->notes[TOKENS]++;
  result = ipc_cond_signal(&place()->cond);
  drop(&lock);
}

static void after_signal(void) { EXPECT_EQUAL(result, 0); }

/* Whether the victim has raised the sequence number. From then on the waiters need no further help. The number is 8
 * bytes into the condition variable (src/object/layout/sync.rs). */
static bool raised(void) {
  uint32_t sequence;
  memcpy(&sequence, (char *)&place()->cond + 8, sizeof sequence);
  return sequence != 0;
}

static void let_go_signal(int alive) {
  (void)alive;
  if (!raised()) give(ipc_cond_broadcast);
  release_hold(0);
}

static void let_go_broadcast(int alive) {
  let_go_signal(alive);
  if (!alive && arena->notes[GIVEN] > 0 && arena->notes[TOKENS] < 2) give(ipc_cond_broadcast);
}

#define WAITS(kind) \
  {.name = "cond." #kind ".wait", .set_up = set_up_##kind, .prepare = prepare_locked, .run = run_wait, \
   .after = after_wait, .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check, \
   .settle = settle_wait}, \
  {.name = "cond." #kind ".wait.beside", .set_up = set_up_##kind, .prepare = prepare_locked, .run = run_wait, \
   .after = after_wait, .sleep = sleep_wait, .sleepers = 1, .sleep_from = AT_BLOCK, .release = release, \
   .meanwhile = meanwhile, .let_go = let_go, .check = check, .settle = settle_wait}, \
  {.name = "cond." #kind ".wait.behind", .set_up = set_up_##kind, .prepare = prepare_locked, .run = run_wait, \
   .after = after_wait, .sleep = sleep_wait, .sleepers = 1, .release = release_both, .meanwhile = meanwhile, \
   .let_go = let_go, .check = check, .settle = settle_wait}

const struct operation cond_operations[] = {
  WAITS(plain),
  WAITS(pi),
  WAITS(recursive),
  {.name = "cond.recursive.wait.deep", .set_up = set_up_recursive, .prepare = prepare_locked_twice,
   .run = run_wait, .after = after_wait_twice, .sleep = sleep_wait, .sleepers = 1, .release = release_both,
   .meanwhile = meanwhile, .let_go = let_go, .check = check, .settle = settle_wait},
  {.name = "cond.signal", .set_up = set_up_plain, .prepare = warm_up, .run = run_signal, .after = after_signal,
   .sleep = sleep_wait, .sleepers = 1, .release = release_hold, .meanwhile = meanwhile,
   .let_go = let_go_signal, .check = check},
  {.name = "cond.signal.locked", .set_up = set_up_plain, .prepare = warm_up, .run = run_signal_locked,
   .after = after_signal, .sleep = sleep_wait, .sleepers = 1, .release = release_hold, .meanwhile = meanwhile,
   .let_go = let_go_signal, .check = check},
  {.name = "cond.broadcast", .set_up = set_up_plain, .prepare = warm_up, .run = run_broadcast,
   .after = after_signal, .sleep = sleep_wait, .sleepers = 2, .release = release_hold,
   .meanwhile = meanwhile, .let_go = let_go_broadcast, .check = check},
  {0},
};
