/* The readers-writer lock: several readers, or one writer.
 *
 * A reader leaves no mark in the arena, because nobody could remove the mark of a killed reader. It reads the pair when
 * it enters and when it leaves, and no writer may have changed the pair in between. */
#include "victim.h"

#include <pthread.h>

struct place {
  ipc_rwlock_t rwlock;
  ipc_rwlock_t other; /* for first calls that the harness does not step */
};

enum { SLEEPERS, VICTIMS }; /* the indexes of arena->notes: how many victims and sleepers have begun */

static struct place *place(void) { return (struct place *)arena->place; }
static ipc_rwlock_t *rwlock(void) { return &place()->rwlock; }

static int read_it(int64_t timeout_ns) { return ipc_rwlock_read_lock(rwlock(), timeout_ns); }
static int write_it(int64_t timeout_ns) { return ipc_rwlock_write_lock(rwlock(), timeout_ns); }
static int unlock_it(void) { return ipc_rwlock_unlock(rwlock()); }
static int consistent(void) { return ipc_rwlock_consistent(rwlock()); }
static const struct lock writer = {write_it, unlock_it, consistent};

/* How this process holds the lock, from one phase to the next. */
static enum { NOTHING, READING, WRITING } holding;
static uint64_t seen; /* this process's copy of the pair from the beginning of its reading */
static int result;    /* of the victim's call */

/* The checks after a lock for reading was granted. */
static void enter_reading(int locked) {
  if (locked == IPC_OWNER_DIED) {
    enter(&writer, locked);
    holding = WRITING;
    return;
  }
  EXPECT_EQUAL(locked, 0);
  EXPECT(arena->inside == 0, "a writer holds the lock beside a reader");
  seen = arena->pair[0];
  EXPECT(seen == arena->pair[1], "half a change, and no word of a death");
  holding = READING;
}

static void enter_writing(int locked) {
  enter(&writer, locked);
  holding = WRITING;
}

static void let_go_if_holding(void) {
  int held = holding;
  holding = NOTHING;
  if (held == WRITING) drop(&writer);
  if (held == READING) {
    EXPECT(
      arena->pair[0] == seen && arena->pair[1] == seen && arena->inside == 0, "a writer changed the pair beside a reader");
    EXPECT_EQUAL(unlock_it(), 0);
  }
}

static void read_once(int64_t timeout_ns) {
  int locked = read_it(timeout_ns);
  EXPECT(locked >= 0, "a reader cannot lock: %s", ipc_strerror(locked));
  enter_reading(locked);
  let_go_if_holding();
}

static void write_once(int64_t timeout_ns) {
  int locked = write_it(timeout_ns);
  EXPECT(locked >= 0, "a writer cannot lock: %s", ipc_strerror(locked));
  enter_writing(locked);
  let_go_if_holding();
}

/* ---- set_up ---- */

static void set_up(void) {
  EXPECT_EQUAL(ipc_rwlock_init(rwlock()), 0);
  EXPECT_EQUAL(ipc_rwlock_init(&place()->other), 0);
  holding = NOTHING;
}

static void set_up_read(void) {
  set_up();
  enter_reading(read_it(0));
}

static void set_up_written(void) {
  set_up();
  enter_writing(write_it(0));
}

/* For its locks, the end of a thread is what the death of a process is. */
static void *die_writing(void *unused) {
  (void)unused;
  EXPECT_EQUAL(write_it(0), 0);
  return NULL;
}

static void set_up_orphaned(void) {
  set_up();
  in_a_thread(die_writing, NULL);
}

/* Survivor 0 holds the lock, and has not repaired the data. */
static void set_up_held_orphaned(void) {
  set_up_orphaned();
  EXPECT_EQUAL(write_it(0), IPC_OWNER_DIED);
  holding = WRITING;
}

/* As many readers as the lock has slots, each a thread. */
static pthread_t readers[IPC_RWLOCK_READERS_MAX];
static pthread_barrier_t all_read, all_leave;
static bool is_full;

static void *read_beside_others(void *unused) {
  (void)unused;
  EXPECT_EQUAL(read_it(0), 0);
  pthread_barrier_wait(&all_read);
  pthread_barrier_wait(&all_leave);
  EXPECT_EQUAL(unlock_it(), 0);
  return NULL;
}

static void set_up_full(void) {
  set_up();
  EXPECT_EQUAL(pthread_barrier_init(&all_read, NULL, IPC_RWLOCK_READERS_MAX + 1), 0);
  EXPECT_EQUAL(pthread_barrier_init(&all_leave, NULL, IPC_RWLOCK_READERS_MAX + 1), 0);
  for (int i = 0; i < IPC_RWLOCK_READERS_MAX; i++)
    EXPECT_EQUAL(pthread_create(&readers[i], NULL, read_beside_others, NULL), 0);
  pthread_barrier_wait(&all_read);
  is_full = true;
}

static void let_readers_go(void) {
  if (!is_full) return;
  is_full = false;
  pthread_barrier_wait(&all_leave);
  for (int i = 0; i < IPC_RWLOCK_READERS_MAX; i++) EXPECT_EQUAL(pthread_join(readers[i], NULL), 0);
}

/* ---- the victim ---- */

static void warm_up(void) {
  arena->notes[VICTIMS]++;
  EXPECT_EQUAL(ipc_rwlock_read_lock(&place()->other, 0), 0);
  EXPECT_EQUAL(ipc_rwlock_unlock(&place()->other), 0);
  EXPECT_EQUAL(ipc_rwlock_write_lock(&place()->other, 0), 0);
  EXPECT_EQUAL(ipc_rwlock_unlock(&place()->other), 0);
}

static void prepare_reading(void) {
  warm_up();
  EXPECT_EQUAL(read_it(0), 0);
}

static void prepare_reading_twice(void) {
  prepare_reading();
  EXPECT_EQUAL(read_it(0), 0);
}

static void prepare_writing(void) {
  warm_up();
  EXPECT_EQUAL(take(&writer, 0), 0);
  leave();
}

static void prepare_heir(void) {
  warm_up();
  EXPECT_EQUAL(write_it(0), IPC_OWNER_DIED);
}

static void run_read_lock(void) { result = read_it(IPC_FOREVER); }
static void run_write_lock(void) { result = write_it(IPC_FOREVER); }
static void run_unlock(void) { result = unlock_it(); }
static void run_consistent(void) { result = consistent(); }

static void run_reading(void) {
  read_once(IPC_FOREVER);
  result = 0;
}

static void run_writing(void) {
  write_once(IPC_FOREVER);
  result = 0;
}

static void after_read_lock(void) {
  EXPECT(result >= 0, "the victim cannot lock: %s", ipc_strerror(result));
  enter_reading(result);
  let_go_if_holding();
}

static void after_write_lock(void) {
  EXPECT(result >= 0, "the victim cannot lock: %s", ipc_strerror(result));
  enter_writing(result);
  let_go_if_holding();
}

static void after_unlock(void) { EXPECT_EQUAL(result, 0); }

/* The victim must still hold the lock exactly once. */
static void after_inner(void) {
  after_read_lock();
  EXPECT_EQUAL(unlock_it(), -EPERM);
}

static void after_relock(void) {
  EXPECT_EQUAL(unlock_it(), 0);
  after_inner();
}

static void after_consistent(void) {
  EXPECT_EQUAL(result, 0);
  arena->deaths++;
  enter_writing(0);
  let_go_if_holding();
}

static void after_condemned(void) { EXPECT_EQUAL(result, -ENOTRECOVERABLE); }

/* ---- the survivors ---- */

static void release(int time) {
  (void)time;
  let_go_if_holding();
  let_readers_go();
}

static void let_go(int alive) {
  (void)alive;
  release(0);
}

/* Tries to lock for reading, then for writing, while the victim is stopped. A granted write lock is kept, so the victim
 * must not get in. */
static void meanwhile_expecting(int died) {
  if (holding != NOTHING || is_full) return;
  int locked = read_it(0);
  EXPECT(
    locked == 0 || locked == -EAGAIN || locked == died, "with the victim alive a lock for reading gives %d", locked);
  if (locked >= 0) enter_reading(locked);
  let_go_if_holding();
  locked = write_it(0);
  EXPECT(
    locked == 0 || locked == -EAGAIN || locked == died, "with the victim alive a lock for writing gives %d", locked);
  if (locked >= 0) enter_writing(locked);
}

static void meanwhile(void) { meanwhile_expecting(0); }
static void meanwhile_orphaned(void) { meanwhile_expecting(IPC_OWNER_DIED); }

static void sleep_reading(void) { read_once(arena->patience_ns); }
static void sleep_writing(void) { write_once(arena->patience_ns); }

static bool is_first(void) { return atomic_fetch_add(&arena->notes[SLEEPERS], 1) == 0; }

static void sleep_reader_first(void) {
  if (is_first()) sleep_reading();
  else sleep_writing();
}

static void sleep_writer_first(void) {
  if (is_first()) sleep_writing();
  else sleep_reading();
}

static void check(void) {
  for (int i = 0; i < 3; i++) {
    write_once(arena->patience_ns);
    read_once(arena->patience_ns);
  }
}

static void expect_deaths(int deaths) {
  EXPECT(
    arena->deaths == deaths, "IPC_OWNER_DIED was returned %d times, expected %d", (int)arena->deaths, deaths);
}

/* A reader's death is not reported. A second victim is a writer, and may be killed while it writes. */
static void settle_reader(int progress) {
  if (progress != KILLED_WITHIN || arena->notes[VICTIMS] < 2) expect_deaths(0);
}

static void settle_write_lock(int progress) {
  if (progress == KILLED_BEFORE || progress == LEFT_ALIVE) expect_deaths(0);
  if (progress == KILLED_AFTER) expect_deaths(1);
}

static void settle_write_unlock(int progress) {
  if (progress == KILLED_BEFORE) expect_deaths(1);
  if (progress == KILLED_AFTER || progress == LEFT_ALIVE) expect_deaths(0);
}

static void settle_writing(int progress) {
  if (progress != KILLED_WITHIN) expect_deaths(0);
}

/* One death is reported: the victim's, or the earlier one. */
static void settle_orphaned(int progress) {
  if (progress != KILLED_WITHIN) expect_deaths(1);
}

/* Takes a lock that may be unusable for ever, or may become so. */
static void lock_condemned(int (*lock)(int64_t), int64_t timeout_ns) {
  int locked = lock(timeout_ns);
  if (locked == -ENOTRECOVERABLE) return;
  EXPECT(locked >= 0, "expected a lock or -ENOTRECOVERABLE, found %s", ipc_strerror(locked));
  if (lock == read_it) enter_reading(locked);
  else enter_writing(locked);
  let_go_if_holding();
}

static void sleep_condemned(void) { lock_condemned(is_first() ? read_it : write_it, arena->patience_ns); }

static void check_condemned(void) {
  lock_condemned(read_it, arena->patience_ns);
  lock_condemned(write_it, arena->patience_ns);
}

static void meanwhile_condemned(void) {
  int locked = read_it(0);
  EXPECT(locked == -EAGAIN || locked == -ENOTRECOVERABLE, "with the victim alive a lock gives %d", locked);
  locked = write_it(0);
  EXPECT(locked == -EAGAIN || locked == -ENOTRECOVERABLE, "with the victim alive a lock gives %d", locked);
}

static void settle_condemned(int progress) {
  if (progress == KILLED_BEFORE) expect_deaths(1);
  if (progress >= KILLED_AFTER) {
    expect_deaths(0);
    EXPECT_EQUAL(read_it(0), -ENOTRECOVERABLE);
    EXPECT_EQUAL(write_it(0), -ENOTRECOVERABLE);
  }
}

static void condemn_if_holding(void) {
  if (holding == NOTHING) return;
  holding = NOTHING;
  EXPECT_EQUAL(unlock_it(), 0);
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

static void expect_condemned(void) {
  EXPECT_EQUAL(read_it(arena->patience_ns), -ENOTRECOVERABLE);
  EXPECT_EQUAL(write_it(arena->patience_ns), -ENOTRECOVERABLE);
}

#define COMMON .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check
#define COMMON_ORPHANED .release = release, .meanwhile = meanwhile_orphaned, .let_go = let_go, .check = check
#define RECOVERED .recovery = "rwlock.recover"
#define READER .settle = settle_reader, RECOVERED

const struct operation rwlock_operations[] = {
  {.name = "rwlock.read_lock", .set_up = set_up, .prepare = warm_up, .run = run_read_lock,
   .after = after_read_lock, COMMON, READER},
  {.name = "rwlock.read_lock.shared", .set_up = set_up_read, .prepare = warm_up, .run = run_read_lock,
   .after = after_read_lock, COMMON, READER},
  {.name = "rwlock.read_lock.contended", .set_up = set_up_written, .prepare = warm_up, .run = run_read_lock,
   .after = after_read_lock, .sleep = sleep_reader_first, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON, READER},
  {.name = "rwlock.read_lock.full", .set_up = set_up_full, .prepare = warm_up, .run = run_read_lock,
   .after = after_read_lock, .sleep = sleep_reader_first, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON,
   .settle = settle_reader},
  {.name = "rwlock.read_lock.again", .set_up = set_up, .prepare = prepare_reading, .run = run_read_lock,
   .after = after_relock, .sleep = sleep_writing, .sleepers = 1, COMMON, READER},
  {.name = "rwlock.unlock.reader", .set_up = set_up, .prepare = prepare_reading, .run = run_unlock,
   .after = after_unlock, COMMON, READER},
  {.name = "rwlock.unlock.reader.inner", .set_up = set_up, .prepare = prepare_reading_twice, .run = run_unlock,
   .after = after_inner, .sleep = sleep_writing, .sleepers = 1, COMMON, READER},
  {.name = "rwlock.unlock.reader.wanted", .set_up = set_up, .prepare = prepare_reading, .run = run_unlock,
   .after = after_unlock, .sleep = sleep_writer_first, .sleepers = 2, COMMON, READER},
  {.name = "rwlock.section.reader", .set_up = set_up, .prepare = warm_up, .run = run_reading,
   .after = after_unlock, COMMON, READER},
  {.name = "rwlock.write_lock", .set_up = set_up, .prepare = warm_up, .run = run_write_lock,
   .after = after_write_lock, COMMON, .settle = settle_write_lock, RECOVERED},
  {.name = "rwlock.write_lock.contended", .set_up = set_up_written, .prepare = warm_up, .run = run_write_lock,
   .after = after_write_lock, .sleep = sleep_reader_first, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON,
   .settle = settle_write_lock, RECOVERED},
  {.name = "rwlock.write_lock.draining", .set_up = set_up_read, .prepare = warm_up, .run = run_write_lock,
   .after = after_write_lock, .sleep = sleep_reader_first, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON,
   .settle = settle_write_lock, RECOVERED},
  {.name = "rwlock.unlock.writer", .set_up = set_up, .prepare = prepare_writing, .run = run_unlock,
   .after = after_unlock, COMMON, .settle = settle_write_unlock, RECOVERED},
  {.name = "rwlock.unlock.writer.wanted", .set_up = set_up, .prepare = prepare_writing, .run = run_unlock,
   .after = after_unlock, .sleep = sleep_reader_first, .sleepers = 2, COMMON, .settle = settle_write_unlock,
   RECOVERED},
  {.name = "rwlock.unlock.writer.readers", .set_up = set_up, .prepare = prepare_writing, .run = run_unlock,
   .after = after_unlock, .sleep = sleep_reading, .sleepers = 2, COMMON, .settle = settle_write_unlock},
  {.name = "rwlock.section.writer", .set_up = set_up, .prepare = warm_up, .run = run_writing,
   .after = after_unlock, COMMON, .settle = settle_writing, RECOVERED},
  {.name = "rwlock.read_lock.orphaned", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_read_lock,
   .after = after_read_lock, COMMON_ORPHANED, .settle = settle_orphaned, RECOVERED},
  {.name = "rwlock.write_lock.orphaned", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_write_lock,
   .after = after_write_lock, COMMON_ORPHANED, .settle = settle_orphaned, RECOVERED},
  {.name = "rwlock.recover", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_writing,
   .after = after_unlock, COMMON_ORPHANED, .settle = settle_orphaned, RECOVERED},
  {.name = "rwlock.recover.reader", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_reading,
   .after = after_unlock, COMMON_ORPHANED, .settle = settle_orphaned, .recovery = "rwlock.recover.reader"},
  {.name = "rwlock.consistent", .set_up = set_up_orphaned, .prepare = prepare_heir, .run = run_consistent,
   .after = after_consistent, .sleep = sleep_reader_first, .sleepers = 2, COMMON, .settle = settle_orphaned,
   RECOVERED},
  {.name = "rwlock.condemn", .set_up = set_up_orphaned, .prepare = prepare_heir, .run = run_unlock,
   .after = after_unlock, .sleep = sleep_condemned, .sleepers = 2, .meanwhile = meanwhile_condemned,
   .check = check_condemned, .settle = settle_condemned},
  {.name = "rwlock.read_lock.condemned", .set_up = set_up_held_orphaned, .prepare = warm_up,
   .run = run_read_lock, .after = after_condemned, .sleep = expect_condemned, .sleepers = 2,
   .sleep_from = AT_BLOCK, .release = release_condemn, .meanwhile = meanwhile_nothing,
   .let_go = let_go_condemn, .check = expect_condemned},
  {.name = "rwlock.write_lock.condemned", .set_up = set_up_held_orphaned, .prepare = warm_up,
   .run = run_write_lock, .after = after_condemned, .sleep = expect_condemned, .sleepers = 2,
   .sleep_from = AT_BLOCK, .release = release_condemn, .meanwhile = meanwhile_nothing,
   .let_go = let_go_condemn, .check = expect_condemned},
  {0},
};
