/* The event: a manual event releases all waiters, an automatic one exactly one waiter per setting. */
#include "victim.h"

#include <sched.h>

struct place {
  ipc_event_t event, other;
};

/* The indexes of arena->notes, all written by the survivors: settings; waits that succeeded; sleepers that have begun;
 * sleepers that have returned. */
enum { SET, PASSED, BEGUN, BACK };

static struct place *place(void) { return (struct place *)arena->place; }
static ipc_event_t *event(void) { return &place()->event; }
static int result;

static void set_up_as(int flags) {
  EXPECT_EQUAL(ipc_event_init(event(), flags), 0);
  EXPECT_EQUAL(ipc_event_init(&place()->other, flags | IPC_EVENT_SET), 0);
}

static void set_up_manual(void) { set_up_as(0); }
static void set_up_manual_set(void) { set_up_as(IPC_EVENT_SET); }
static void set_up_auto(void) { set_up_as(IPC_EVENT_AUTO_RESET); }

static void set_up_auto_set(void) {
  set_up_as(IPC_EVENT_AUTO_RESET | IPC_EVENT_SET);
  arena->notes[SET] = 1;
}

static void warm_up(void) {
  EXPECT_EQUAL(ipc_event_wait(&place()->other, 0), 0);
  EXPECT_EQUAL(ipc_event_reset(&place()->other), 0);
  EXPECT_EQUAL(ipc_event_wait(&place()->other, 1), -ETIMEDOUT);
  EXPECT_EQUAL(ipc_event_set(&place()->other), 0);
}

static void run_set(void) { result = ipc_event_set(event()); }
static void run_reset(void) { result = ipc_event_reset(event()); }
static void run_wait(void) { result = ipc_event_wait(event(), IPC_FOREVER); }

/* A waiter that came before the setting is released, although a reset follows at once. */
static void run_set_and_reset(void) {
  EXPECT_EQUAL(ipc_event_set(event()), 0);
  result = ipc_event_reset(event());
}

static void after(void) { EXPECT_EQUAL(result, 0); }

static bool is_set(void) {
  int found = ipc_event_is_set(event());
  EXPECT(found == 0 || found == 1, "ipc_event_is_set gives %d", found);
  return found == 1;
}

/* Whether the event has ever been set: its word, 8 bytes into the event, is 0 before that and never again
 * (src/object/layout/sync.rs). */
static bool was_set(void) {
  uint32_t word;
  memcpy(&word, (char *)event() + 8, sizeof word);
  return word != 0;
}

/* Called only while no other process can set the event. The setting counts only if the event was not set before. */
static void set_if_not(void) {
  if (is_set()) return;
  arena->notes[SET]++;
  EXPECT_EQUAL(ipc_event_set(event()), 0);
}

static void release(int time) {
  (void)time;
  set_if_not();
}

static void sleep_wait(void) {
  arena->notes[BEGUN]++;
  int waited = ipc_event_wait(event(), arena->patience_ns);
  EXPECT(waited == 0, "a sleeper's wait ends with %s", ipc_strerror(waited));
  arena->notes[PASSED]++;
  arena->notes[BACK]++;
}

/* The victim may be stopped anywhere. A wait with timeout 0 must not disturb it. */
static void meanwhile(void) {
  int waited = ipc_event_wait(event(), 0);
  EXPECT(waited == 0 || waited == -EAGAIN, "with the victim alive a wait gives %d", waited);
  if (waited == 0) arena->notes[PASSED]++;
}

/* ---- manual ---- */

/* Once the event has been set, all waiters return without further help. */
static void let_go_manual(int alive) {
  if (alive || was_set()) return;
  set_if_not();
}

static void let_go_waiter(int alive) {
  (void)alive;
  if (arena->notes[SET] == 0) set_if_not();
}

static void check_manual(void) {
  for (int i = 0; i < 3; i++) {
    EXPECT_EQUAL(ipc_event_set(event()), 0);
    EXPECT_EQUAL(ipc_event_wait(event(), 0), 0);
  }
}

static void settle_manual(int progress) {
  (void)progress;
  EXPECT_EQUAL(ipc_event_is_set(event()), 1);
  EXPECT_EQUAL(ipc_event_reset(event()), 0);
  EXPECT_EQUAL(ipc_event_wait(event(), 0), -EAGAIN);
}

static void settle_reset(int progress) {
  if (progress == KILLED_BEFORE) EXPECT_EQUAL(ipc_event_is_set(event()), 1);
  if (progress >= KILLED_AFTER) EXPECT_EQUAL(ipc_event_is_set(event()), 0);
  check_manual();
  settle_manual(progress);
}

/* ---- automatic: settings and releases are counted, and their numbers agree ---- */

/* Sets the event, whenever it is not set, for each sleeper that has not returned. */
static void let_go_sleepers(int alive) {
  (void)alive;
  while (arena->notes[BACK] < arena->notes[BEGUN] && arena->complaint[0] == 0) {
    uint64_t before = arena->notes[BACK];
    set_if_not();
    while (arena->notes[BACK] == before && arena->complaint[0] == 0) sched_yield();
  }
}

/* The victim's settings minus its successful waits must be from `least` to `most`. */
static void settle_as(int least, int most) {
  int left = is_set();
  int victims = (int)arena->notes[PASSED] + left - (int)arena->notes[SET];
  EXPECT(
    victims >= least && victims <= most,
    "%d settings by survivors, %d released, %d left: the victim's share is not %d to %d", (int)arena->notes[SET],
    (int)arena->notes[PASSED], left, least, most);
  EXPECT_EQUAL(ipc_event_reset(event()), 0);
  EXPECT_EQUAL(ipc_event_set(event()), 0);
  EXPECT_EQUAL(ipc_event_wait(event(), arena->patience_ns), 0);
  EXPECT_EQUAL(ipc_event_wait(event(), 0), -EAGAIN);
}

static void settle_auto_set(int progress) { settle_as(progress >= KILLED_AFTER, progress != KILLED_BEFORE); }
static void settle_auto_wait(int progress) { settle_as(-(progress != KILLED_BEFORE), -(progress >= KILLED_AFTER)); }

static void settle_auto_reset(int progress) {
  if (progress == KILLED_BEFORE) EXPECT_EQUAL(ipc_event_is_set(event()), 1);
  if (progress >= KILLED_AFTER) EXPECT_EQUAL(ipc_event_is_set(event()), 0);
  settle_as(-(progress != KILLED_BEFORE), 0);
}

static void meanwhile_read(void) { is_set(); }

const struct operation event_operations[] = {
  {.name = "event.manual.set", .set_up = set_up_manual, .prepare = warm_up, .run = run_set, .after = after,
   .sleep = sleep_wait, .sleepers = 2, .meanwhile = meanwhile, .let_go = let_go_manual, .check = check_manual,
   .settle = settle_manual},
  {.name = "event.manual.set.again", .set_up = set_up_manual_set, .prepare = warm_up, .run = run_set,
   .after = after, .meanwhile = meanwhile, .check = check_manual, .settle = settle_manual},
  {.name = "event.manual.set.reset", .set_up = set_up_manual, .prepare = warm_up, .run = run_set_and_reset,
   .after = after, .sleep = sleep_wait, .sleepers = 2, .meanwhile = meanwhile, .let_go = let_go_manual,
   .check = check_manual, .settle = settle_manual},
  {.name = "event.manual.reset", .set_up = set_up_manual_set, .prepare = warm_up, .run = run_reset,
   .after = after, .meanwhile = meanwhile, .settle = settle_reset},
  {.name = "event.manual.wait", .set_up = set_up_manual_set, .prepare = warm_up, .run = run_wait,
   .after = after, .meanwhile = meanwhile, .check = check_manual, .settle = settle_manual},
  {.name = "event.manual.wait.asleep", .set_up = set_up_manual, .prepare = warm_up, .run = run_wait,
   .after = after, .sleep = sleep_wait, .sleepers = 1, .sleep_from = AT_BLOCK, .release = release,
   .meanwhile = meanwhile, .let_go = let_go_waiter, .check = check_manual, .settle = settle_manual},
  {.name = "event.auto.set", .set_up = set_up_auto, .prepare = warm_up, .run = run_set, .after = after,
   .sleep = sleep_wait, .sleepers = 2, .meanwhile = meanwhile, .let_go = let_go_sleepers, .settle = settle_auto_set},
  {.name = "event.auto.reset", .set_up = set_up_auto_set, .prepare = warm_up, .run = run_reset, .after = after,
   .meanwhile = meanwhile_read, .settle = settle_auto_reset},
  {.name = "event.auto.wait", .set_up = set_up_auto_set, .prepare = warm_up, .run = run_wait, .after = after,
   .release = release, .meanwhile = meanwhile, .settle = settle_auto_wait},
  {.name = "event.auto.wait.asleep", .set_up = set_up_auto, .prepare = warm_up, .run = run_wait,
   .after = after, .release = release, .meanwhile = meanwhile, .settle = settle_auto_wait},
  {.name = "event.auto.wait.beside", .set_up = set_up_auto, .prepare = warm_up, .run = run_wait,
   .after = after, .sleep = sleep_wait, .sleepers = 1, .sleep_from = AT_BLOCK, .release = release,
   .meanwhile = meanwhile, .let_go = let_go_sleepers, .settle = settle_auto_wait},
  {0},
};
