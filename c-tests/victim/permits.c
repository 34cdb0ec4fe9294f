/* The pool of permits. Each permit has one holder. If the holder dies, the permit comes back, and one taker learns of
 * the death. */
#include "victim.h"

struct place {
  ipc_permits_t permits, other;
};

enum { COUNT = 2 };
/* The indexes of arena->notes: [HOLDERS + permit], 1 while a process works under the permit; and how many victims have
 * begun. */
enum { HOLDERS, VICTIMS = HOLDERS + COUNT };

static struct place *place(void) { return (struct place *)arena->place; }
static ipc_permits_t *permits(void) { return &place()->permits; }

static int result; /* of the victim's call */
static unsigned permit;
static unsigned held[COUNT]; /* the permits that this process holds, from one phase to the next */
static int held_count;

/* The checks after a permit was granted. */
static void enter_permit(int taken, unsigned number) {
  EXPECT(taken == 0 || taken == IPC_OWNER_DIED, "a permit is not to be had: %s", ipc_strerror(taken));
  EXPECT(number < COUNT, "there is no permit %u", number);
  if (taken == IPC_OWNER_DIED) {
    arena->deaths++;
    arena->notes[HOLDERS + number] = 0;
  }
  EXPECT(arena->notes[HOLDERS + number]++ == 0, "permit %u is another's too", number);
  EXPECT(held_count < COUNT, "more permits than there are");
  held[held_count++] = number;
}

static int take_permit(int64_t timeout_ns) {
  unsigned number = COUNT;
  int taken = ipc_permits_take(permits(), &number, timeout_ns);
  if (taken >= 0) enter_permit(taken, number);
  return taken;
}

static void leave_permit(void) { arena->notes[HOLDERS + held[--held_count]]--; }

static void give_permit(void) {
  leave_permit();
  EXPECT_EQUAL(ipc_permits_give(permits(), held[held_count]), 0);
}

static void take_all(int64_t timeout_ns) {
  while (held_count < COUNT) {
    int taken = take_permit(timeout_ns);
    EXPECT(taken >= 0, "permit %d of %d is not to be had: %s", held_count + 1, COUNT, ipc_strerror(taken));
  }
}

static void give_all(void) {
  while (held_count > 0) give_permit();
}

/* ---- set_up ---- */

static void set_up(void) {
  EXPECT_EQUAL(ipc_permits_init(permits(), COUNT), 0);
  EXPECT_EQUAL(ipc_permits_init(&place()->other, 1), 0);
  held_count = 0;
}

static void set_up_none(void) {
  set_up();
  take_all(0);
}

static void *die_holding(void *unused) {
  (void)unused;
  unsigned number;
  EXPECT_EQUAL(ipc_permits_take(permits(), &number, 0), 0);
  return NULL;
}

static void set_up_orphaned(void) {
  set_up();
  in_a_thread(die_holding, NULL);
}

/* ---- the victim ---- */

static void warm_up(void) {
  arena->notes[VICTIMS]++;
  unsigned number, another;
  EXPECT_EQUAL(ipc_permits_take(&place()->other, &number, 0), 0);
  EXPECT_EQUAL(ipc_permits_take(&place()->other, &another, 1), -ETIMEDOUT);
  EXPECT_EQUAL(ipc_permits_give(&place()->other, number), 0);
}

static void prepare_holding(void) {
  warm_up();
  EXPECT_EQUAL(take_permit(0), 0);
  leave_permit();
  permit = held[0];
}

/* The victim holds all permits, so others have to wait for the one that it gives back. */
static void prepare_holding_all(void) {
  prepare_holding();
  EXPECT_EQUAL(take_permit(0), 0);
  leave_permit();
}

static void run_take(void) { result = ipc_permits_take(permits(), &permit, IPC_FOREVER); }
static void run_give(void) { result = ipc_permits_give(permits(), permit); }

static void run_section(void) {
  int taken = take_permit(IPC_FOREVER);
  EXPECT(taken >= 0, "the victim gets no permit: %s", ipc_strerror(taken));
  give_permit();
  result = 0;
}

static void after_take(void) {
  enter_permit(result, permit);
  give_permit();
}

static void after_give(void) {
  EXPECT_EQUAL(result, 0);
  EXPECT_EQUAL(ipc_permits_give(permits(), permit), -EPERM);
}

static void after_give_one(void) {
  EXPECT_EQUAL(result, 0);
  EXPECT_EQUAL(ipc_permits_give(permits(), 1 - permit), 0);
}

/* ---- the survivors ---- */

static void release(int time) {
  (void)time;
  if (held_count > 0) give_permit();
}

static void let_go(int alive) {
  (void)alive;
  give_all();
}

/* Takes as many permits as it can while the victim is stopped. It never gets a permit that another process holds. */
static void meanwhile_expecting(int died) {
  while (held_count < COUNT) {
    int taken = take_permit(0);
    EXPECT(
      taken == 0 || taken == -EAGAIN || taken == died, "with the victim alive a permit gives %d", taken);
    if (taken == -EAGAIN) break;
  }
}

static void meanwhile(void) { meanwhile_expecting(0); }
static void meanwhile_orphaned(void) { meanwhile_expecting(IPC_OWNER_DIED); }

static void sleep_take(void) {
  held_count = 0;
  int taken = take_permit(arena->patience_ns);
  EXPECT(taken >= 0, "a sleeper gets no permit: %s", ipc_strerror(taken));
  give_permit();
}

static void check(void) {
  for (int i = 0; i < 3; i++) {
    int taken = take_permit(arena->patience_ns);
    EXPECT(taken >= 0, "a survivor gets no permit: %s", ipc_strerror(taken));
    give_permit();
  }
}

/* Now no process holds a permit, so all can be taken, each once. */
static void settle_as(int least, int most) {
  unsigned free_now;
  EXPECT_EQUAL(ipc_permits_free(permits(), &free_now), 0);
  EXPECT_EQUAL(free_now, COUNT);
  take_all(0);
  EXPECT_EQUAL(take_permit(0), -EAGAIN);
  EXPECT_EQUAL(ipc_permits_free(permits(), &free_now), 0);
  EXPECT_EQUAL(free_now, 0);
  give_all();
  most += arena->notes[VICTIMS] > 1; /* the second victim's */
  EXPECT(
    arena->deaths >= least && arena->deaths <= most, "IPC_OWNER_DIED was returned %d times, expected %d to %d",
    (int)arena->deaths, least, most);
}

static void settle_take(int progress) { settle_as(progress == KILLED_AFTER, progress == KILLED_AFTER || progress == KILLED_WITHIN); }
static void settle_section(int progress) { settle_as(0, progress == KILLED_WITHIN); }

/* In addition, the victim holds `others` permits all the time, and dies with them. */
static void settle_give_besides(int progress, int others) {
  int least = progress == KILLED_BEFORE, most = progress == KILLED_BEFORE || progress == KILLED_WITHIN;
  if (progress == LEFT_ALIVE) others = 0;
  settle_as(least + others, most + others);
}

static void settle_give(int progress) { settle_give_besides(progress, 0); }
static void settle_give_one(int progress) { settle_give_besides(progress, 1); }

/* One holder has died before. The victim may have learned of that death, and have died too. */
static void settle_orphaned(int progress) { settle_as(1, progress == KILLED_WITHIN ? 2 : 1); }

#define COMMON .release = release, .meanwhile = meanwhile, .let_go = let_go, .check = check
#define RECOVERED .recovery = "permits.recover"

const struct operation permits_operations[] = {
  {.name = "permits.take", .set_up = set_up, .prepare = warm_up, .run = run_take, .after = after_take, COMMON,
   .settle = settle_take, RECOVERED},
  {.name = "permits.take.blocked", .set_up = set_up_none, .prepare = warm_up, .run = run_take,
   .after = after_take, .sleep = sleep_take, .sleepers = 2, .sleep_from = AT_BLOCK, COMMON, .settle = settle_take,
   RECOVERED},
  {.name = "permits.take.orphaned", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_take,
   .after = after_take, .release = release, .meanwhile = meanwhile_orphaned, .let_go = let_go, .check = check,
   .settle = settle_orphaned, RECOVERED},
  {.name = "permits.give", .set_up = set_up, .prepare = prepare_holding, .run = run_give, .after = after_give,
   COMMON, .settle = settle_give, RECOVERED},
  {.name = "permits.give.wanted", .set_up = set_up, .prepare = prepare_holding_all, .run = run_give,
   .after = after_give_one, .sleep = sleep_take, .sleepers = 2, COMMON, .settle = settle_give_one, RECOVERED},
  {.name = "permits.section", .set_up = set_up, .prepare = warm_up, .run = run_section, COMMON,
   .settle = settle_section, RECOVERED},
  {.name = "permits.recover", .set_up = set_up_orphaned, .prepare = warm_up, .run = run_section,
   .release = release, .meanwhile = meanwhile_orphaned, .let_go = let_go, .check = check,
   .settle = settle_orphaned, RECOVERED},
  {0},
};
