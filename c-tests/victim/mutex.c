/* The mutex, in its four kinds. */
#include "victim.h"

struct place {
  ipc_mutex_t mutex;
  ipc_mutex_t other; /* for a first call that the harness does not step */
};

static struct place *place(void) { return (struct place *)arena->place; }
static ipc_mutex_t *mutex(void) { return &place()->mutex; }

static int lock_it(int64_t timeout_ns) { return ipc_mutex_lock(mutex(), timeout_ns); }
static int unlock_it(void) { return ipc_mutex_unlock(mutex()); }
static int consistent(void) { return ipc_mutex_consistent(mutex()); }
static const struct lock lock = {lock_it, unlock_it, consistent};

static bool holding; /* whether this survivor holds the mutex, from one phase to the next */
static int result;   /* of the victim's call */

/* ---- set_up ---- */

static void set_up_as(int flags) {
  ipc_mutex_attr_t attr = {.flags = flags};
  EXPECT_EQUAL(ipc_mutex_init(mutex(), &attr), 0);
  EXPECT_EQUAL(ipc_mutex_init(&place()->other, &attr), 0);
  holding = false;
}

static void set_up_plain(void) { set_up_as(0); }
static void set_up_checked(void) { set_up_as(IPC_MUTEX_ERROR_CHECK); }
static void set_up_recursive(void) { set_up_as(IPC_MUTEX_RECURSIVE); }
static void set_up_pi(void) { set_up_as(IPC_MUTEX_PRIORITY_INHERIT); }

static void set_up_held(void) {
  EXPECT_EQUAL(take(&lock, 0), 0);
  holding = true;
}

/* For its locks, the end of a thread is what the death of a process is. */
static void *die_holding(void *unused) {
  (void)unused;
  EXPECT_EQUAL(ipc_mutex_lock(mutex(), 0), 0);
  return NULL;
}

static void set_up_orphaned(void) {
  in_a_thread(die_holding, NULL);
}

/* Survivor 0 holds the mutex, and has not repaired the data. */
static void set_up_held_orphaned(void) {
  set_up_orphaned();
  EXPECT_EQUAL(ipc_mutex_lock(mutex(), 0), IPC_OWNER_DIED);
  holding = true;
}

#define SET_UPS(kind) \
  static void set_up_held_##kind(void) { set_up_##kind(); set_up_held(); } \
  static void set_up_orphaned_##kind(void) { set_up_##kind(); set_up_orphaned(); } \
  static void set_up_held_orphaned_##kind(void) { set_up_##kind(); set_up_held_orphaned(); }

static void set_up_orphaned_checked(void) { set_up_checked(); set_up_orphaned(); }
SET_UPS(plain)
SET_UPS(recursive)
SET_UPS(pi)

/* ---- the victim ---- */

static void warm_up(void) {
  EXPECT_EQUAL(ipc_mutex_lock(&place()->other, 0), 0);
  EXPECT_EQUAL(ipc_mutex_unlock(&place()->other), 0);
}

static void prepare_held(void) {
  warm_up();
  EXPECT_EQUAL(take(&lock, 0), 0);
  leave();
}

static void prepare_held_twice(void) {
  prepare_held();
  EXPECT_EQUAL(unlock_it(), 0);
  EXPECT_EQUAL(lock_it(0), 0);
  EXPECT_EQUAL(lock_it(0), 0);
}

static void prepare_heir(void) {
  warm_up();
  EXPECT_EQUAL(lock_it(0), IPC_OWNER_DIED);
}

static void run_lock(void) { result = lock_it(IPC_FOREVER); }
static void run_unlock(void) { result = unlock_it(); }
static void run_consistent(void) { result = consistent(); }

static void run_section(void) {
  int locked = take(&lock, IPC_FOREVER);
  EXPECT(locked >= 0, "the victim cannot lock: %s", ipc_strerror(locked));
  drop(&lock);
  result = 0;
}

static void run_section_twice(void) {
  int locked = take(&lock, IPC_FOREVER);
  EXPECT(locked >= 0, "the victim cannot lock: %s", ipc_strerror(locked));
  EXPECT_EQUAL(lock_it(0), 0);
  EXPECT_EQUAL(unlock_it(), 0);
  drop(&lock);
  result = 0;
}

static void after_lock(void) {
  enter(&lock, result);
  drop(&lock);
}

static void after_unlock(void) { EXPECT_EQUAL(result, 0); }

static void after_inner(void) {
  EXPECT_EQUAL(result, 0);
  enter(&lock, 0);
  drop(&lock);
}

static void after_relock(void) {
  EXPECT_EQUAL(unlock_it(), 0);
  after_inner();
}

static void after_consistent(void) {
  EXPECT_EQUAL(result, 0);
  arena->deaths++;
  enter(&lock, 0);
  drop(&lock);
}

static void after_condemned(void) { EXPECT_EQUAL(result, -ENOTRECOVERABLE); }

/* ---- the survivors ---- */

static void let_go_if_holding(void) {
  if (holding) {
    holding = false;
    drop(&lock);
  }
}

static void release(int time) {
  (void)time;
  let_go_if_holding();
}

static void let_go(int alive) {
  (void)alive;
  let_go_if_holding();
}

/* Gives the lock to the victim, which is stopped or slow, and takes it back at once. */
static void release_and_take_again(int time) {
  if (time == 1 && holding) {
    drop(&lock);
    int locked = take(&lock, 0);
    EXPECT(locked == 0 || locked == -EAGAIN, "a free lock gives %d", locked);
    holding = locked == 0; /* a victim that is not stopped may be faster */
  } else {
    let_go_if_holding();
  }
}

/* Tries to lock while the victim is stopped. If it succeeds, it keeps the lock, so the victim must not get it. */
static void meanwhile(void) {
  if (holding) return;
  int locked = take(&lock, 0);
  EXPECT(locked == 0 || locked == -EAGAIN, "with the victim alive a lock gives %d", locked);
  holding = locked == 0;
}

static void meanwhile_orphaned(void) {
  if (holding) return;
  int locked = take(&lock, 0);
  EXPECT(
    locked == 0 || locked == -EAGAIN || locked == IPC_OWNER_DIED, "with the victim alive a lock gives %d", locked);
  holding = locked >= 0;
}

static void sleep_lock(void) {
  int locked = take(&lock, arena->patience_ns);
  EXPECT(locked >= 0, "a sleeper cannot lock: %s", ipc_strerror(locked));
  drop(&lock);
}

static void check(void) { use_lock(&lock); }

static void check_recursive(void) {
  for (int i = 0; i < 3; i++) {
    int locked = take(&lock, arena->patience_ns);
    EXPECT(locked >= 0, "a survivor cannot lock: %s", ipc_strerror(locked));
    EXPECT_EQUAL(lock_it(0), 0);
    EXPECT_EQUAL(unlock_it(), 0);
    drop(&lock);
  }
}

static void expect_deaths(int deaths) {
  EXPECT(
    arena->deaths == deaths, "IPC_OWNER_DIED was returned %d times, expected %d", (int)arena->deaths, deaths);
}

static void settle_lock(int progress) {
  if (progress == KILLED_BEFORE || progress == LEFT_ALIVE) expect_deaths(0);
  if (progress == KILLED_AFTER) expect_deaths(1);
}

static void settle_unlock(int progress) {
  if (progress == KILLED_BEFORE) expect_deaths(1);
  if (progress == KILLED_AFTER || progress == LEFT_ALIVE) expect_deaths(0);
}

static void settle_section(int progress) {
  if (progress != KILLED_WITHIN) expect_deaths(0);
}

/* One death is reported: the victim's, or the earlier one. */
static void settle_orphaned(int progress) {
  if (progress == KILLED_BEFORE || progress == LEFT_ALIVE) expect_deaths(1);
  if (progress == KILLED_AFTER) expect_deaths(1);
}

static void settle_recovered(int progress) {
  if (progress != KILLED_WITHIN) expect_deaths(1);
}

static void settle_held(int progress) {
  if (progress == KILLED_BEFORE || progress == KILLED_AFTER) expect_deaths(1);
}

/* Takes a lock that may be unusable for ever, or may become so. */
static void lock_condemned(int64_t timeout_ns) {
  int locked = lock_it(timeout_ns);
  if (locked == -ENOTRECOVERABLE) return;
  EXPECT(locked >= 0, "expected a lock or -ENOTRECOVERABLE, found %s", ipc_strerror(locked));
  enter(&lock, locked);
  drop(&lock);
}

static void sleep_condemned(void) { lock_condemned(arena->patience_ns); }
static void check_condemned(void) { lock_condemned(arena->patience_ns); }

static void meanwhile_condemned(void) {
  int locked = lock_it(0);
  EXPECT(locked == -EAGAIN || locked == -ENOTRECOVERABLE, "with the victim alive a lock gives %d", locked);
}

static void settle_condemned(int progress) {
  if (progress == KILLED_BEFORE) expect_deaths(1);
  if (progress >= KILLED_AFTER) {
    expect_deaths(0);
    EXPECT_EQUAL(lock_it(0), -ENOTRECOVERABLE);
  }
}

static void condemn_if_holding(void) {
  if (holding) {
    holding = false;
    EXPECT_EQUAL(unlock_it(), 0);
  }
}

static void release_condemn(int time) {
  (void)time;
  condemn_if_holding();
}

static void let_go_condemn(int alive) {
  (void)alive;
  condemn_if_holding();
}

static void meanwhile_nothing(void) {}

static void expect_condemned(void) { EXPECT_EQUAL(lock_it(arena->patience_ns), -ENOTRECOVERABLE); }

#define LOCK_AND_UNLOCK(kind, check_it) \
  {.name = "mutex." #kind ".lock", .set_up = set_up_##kind, .prepare = warm_up, .run = run_lock, \
   .after = after_lock, .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check_it, \
   .settle = settle_lock, .recovery = "mutex." #kind ".recover"}, \
  {.name = "mutex." #kind ".unlock", .set_up = set_up_##kind, .prepare = prepare_held, .run = run_unlock, \
   .after = after_unlock, .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check_it, \
   .settle = settle_unlock, .recovery = "mutex." #kind ".recover"}, \
  {.name = "mutex." #kind ".unlock.wanted", .set_up = set_up_##kind, .prepare = prepare_held, .run = run_unlock, \
   .after = after_unlock, .sleep = sleep_lock, .sleepers = 2, .release = release, .meanwhile = meanwhile, \
   .let_go = let_go, .check = check_it, .settle = settle_unlock, .recovery = "mutex." #kind ".recover"}, \
  {.name = "mutex." #kind ".section", .set_up = set_up_##kind, .prepare = warm_up, .run = run_section, \
   .after = after_unlock, .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check_it, \
   .settle = settle_section, .recovery = "mutex." #kind ".recover"}

#define CONTENDED(kind, check_it) \
  {.name = "mutex." #kind ".lock.contended", .set_up = set_up_held_##kind, .prepare = warm_up, .run = run_lock, \
   .after = after_lock, .sleep = sleep_lock, .sleepers = 1, .sleep_from = AT_BLOCK, .release = release, \
   .meanwhile = meanwhile, .let_go = let_go, .check = check_it, .settle = settle_lock, \
   .recovery = "mutex." #kind ".recover"}, \
  {.name = "mutex." #kind ".lock.stolen", .set_up = set_up_held_##kind, .prepare = warm_up, .run = run_lock, \
   .after = after_lock, .sleep = sleep_lock, .sleepers = 2, .sleep_from = AT_BLOCK, .release = RELEASE_STOLEN_##kind, \
   .meanwhile = meanwhile, .let_go = let_go, .check = check_it, .settle = settle_lock}

#define AFTER_DEATH(kind, check_it) \
  {.name = "mutex." #kind ".lock.orphaned", .set_up = set_up_orphaned_##kind, .prepare = warm_up, \
   .run = run_lock, .after = after_lock, .release = release, .meanwhile = meanwhile_orphaned, .let_go = let_go, \
   .check = check_it, .settle = settle_orphaned, .recovery = "mutex." #kind ".recover"}, \
  {.name = "mutex." #kind ".recover", .set_up = set_up_orphaned_##kind, .prepare = warm_up, \
   .run = run_section, .after = after_unlock, .release = release, .meanwhile = meanwhile_orphaned, \
   .let_go = let_go, .check = check_it, .settle = settle_recovered, .recovery = "mutex." #kind ".recover"}, \
  {.name = "mutex." #kind ".consistent", .set_up = set_up_orphaned_##kind, .prepare = prepare_heir, \
   .run = run_consistent, .after = after_consistent, .sleep = sleep_lock, .sleepers = 1, .release = release, \
   .meanwhile = meanwhile, .let_go = let_go, .check = check_it, .settle = settle_orphaned, \
   .recovery = "mutex." #kind ".recover"}

#define CONDEMNED(kind, check_it) \
  {.name = "mutex." #kind ".condemn", .set_up = set_up_orphaned_##kind, .prepare = prepare_heir, \
   .run = run_unlock, .after = after_unlock, .sleep = sleep_condemned, .sleepers = 2, \
   .meanwhile = meanwhile_condemned, .check = check_condemned, .settle = settle_condemned}, \
  {.name = "mutex." #kind ".lock.condemned", .set_up = set_up_held_orphaned_##kind, .prepare = warm_up, \
   .run = run_lock, .after = after_condemned, .sleep = expect_condemned, .sleepers = 2, .sleep_from = AT_BLOCK, \
   .release = release_condemn, .meanwhile = meanwhile_nothing, .let_go = let_go_condemn, .check = expect_condemned}

/* With priority inheritance the kernel passes the lock to the waiter, so no other thread can take it first. */
#define RELEASE_STOLEN_plain release_and_take_again
#define RELEASE_STOLEN_recursive release_and_take_again
#define RELEASE_STOLEN_pi release

const struct operation mutex_operations[] = {
  {.name = "mutex.plain.lock.first", .set_up = set_up_plain, .run = run_lock, .after = after_lock,
   .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check, .settle = settle_lock,
   .recovery = "mutex.plain.recover"},
  LOCK_AND_UNLOCK(plain, check),
  CONTENDED(plain, check),
  AFTER_DEATH(plain, check),
  CONDEMNED(plain, check),
  LOCK_AND_UNLOCK(checked, check),
  AFTER_DEATH(checked, check),
  LOCK_AND_UNLOCK(recursive, check_recursive),
  CONTENDED(recursive, check_recursive),
  AFTER_DEATH(recursive, check_recursive),
  CONDEMNED(recursive, check_recursive),
  {.name = "mutex.recursive.lock.again", .set_up = set_up_recursive, .prepare = prepare_held, .run = run_lock,
   .after = after_relock, .sleep = sleep_lock, .sleepers = 1, .release = release, .meanwhile = meanwhile,
   .let_go = let_go, .check = check_recursive, .settle = settle_held, .recovery = "mutex.recursive.recover"},
  {.name = "mutex.recursive.unlock.inner", .set_up = set_up_recursive, .prepare = prepare_held_twice,
   .run = run_unlock, .after = after_inner, .sleep = sleep_lock, .sleepers = 1, .release = release,
   .meanwhile = meanwhile, .let_go = let_go, .check = check_recursive, .settle = settle_held,
   .recovery = "mutex.recursive.recover"},
  {.name = "mutex.recursive.section.twice", .set_up = set_up_recursive, .prepare = warm_up,
   .run = run_section_twice, .after = after_unlock, .release = release, .meanwhile = meanwhile,
   .let_go = let_go, .check = check_recursive, .settle = settle_section, .recovery = "mutex.recursive.recover"},
  LOCK_AND_UNLOCK(pi, check),
  CONTENDED(pi, check),
  AFTER_DEATH(pi, check),
  CONDEMNED(pi, check),
  {0},
};
