/* The function that runs once: a caller that learns that it has run finds its work complete, and no process runs it
 * again. */
#include "victim.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct place {
  ipc_once_t once, other;
};

/* The indexes of arena->notes: how often the function ran to its end; how many callers learned that; and, as a futex,
 * the permission to end for a runner that others are to meet while it runs. */
enum { COMPLETED, LEARNT, GO };

static struct place *place(void) { return (struct place *)arena->place; }
static int result;
static bool waits_inside;
static pid_t runner;

static void do_nothing(void *unused) { (void)unused; }

static void wait_inside(void) {
  while (arena->notes[GO] == 0)
    syscall(SYS_futex, &arena->notes[GO], FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void let_it_go_on(void) {
  arena->notes[GO] = 1;
  syscall(SYS_futex, &arena->notes[GO], FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* A killed runner may have left half of the work. */
static void initialise(void *context) {
  EXPECT(context == arena, "the context is another");
  EXPECT(arena->notes[LEARNT] == 0, "it is run again after it was complete");
  arena->pair[0] = 0;
  arena->pair[1] = 0;
  uint64_t mine = (uint64_t)getpid();
  arena->pair[0] = mine;
  if (waits_inside) wait_inside();
  EXPECT(arena->pair[0] == mine && arena->pair[1] == 0, "another runs it too");
  arena->pair[1] = mine;
  arena->notes[COMPLETED]++;
}

static int call_once(int64_t timeout_ns) {
  return ipc_once(&place()->once, initialise, arena, timeout_ns);
}

static void learn(int ran) {
  EXPECT(ran == 0 || ran == IPC_ONCE_RAN, "ipc_once ends with %s", ipc_strerror(ran));
  arena->notes[LEARNT]++;
  EXPECT(arena->pair[0] != 0 && arena->pair[0] == arena->pair[1], "it has run, and is not complete");
}

/* ---- set_up ---- */

static void set_up(void) {
  waits_inside = false;
  runner = 0;
}

static void set_up_done(void) {
  set_up();
  EXPECT_EQUAL(call_once(0), IPC_ONCE_RAN);
  learn(0);
}

/* A child runs the function until it is released or killed. */
static void set_up_running(void) {
  set_up();
  runner = fork();
  EXPECT(runner >= 0, "fork: %s", strerror(errno));
  if (runner == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    waits_inside = true;
    learn(call_once(0));
    _exit(0);
  }
  /* The child is the runner before it writes this. */
  while (*(volatile uint64_t *)&arena->pair[0] == 0) sched_yield();
}

static void bury(void) {
  int status;
  while (runner != 0 && waitpid(runner, &status, 0) < 0 && errno == EINTR) {}
  runner = 0;
}

static void kill_runner(void) {
  if (runner == 0) return;
  kill(runner, SIGKILL);
  bury();
}

static void set_up_orphaned(void) {
  set_up_running();
  kill_runner();
}

/* ---- the victim ---- */

static void warm_up(void) {
  EXPECT_EQUAL(ipc_once(&place()->other, do_nothing, NULL, 0) >= 0, 1);
}

static void prepare_waiting_inside(void) {
  warm_up();
  waits_inside = true;
}

static void run(void) { result = call_once(IPC_FOREVER); }
static void after(void) { learn(result); }

static void after_running(void) {
  learn(result);
  /* No other process can have run the function, unless the victim was stopped before it began. */
  EXPECT(result == IPC_ONCE_RAN || arena->notes[COMPLETED] == 1, "it was run %d times", (int)arena->notes[COMPLETED]);
}

/* ---- the survivors ---- */

static void release(int time) {
  (void)time;
  let_it_go_on();
  bury();
}

static void let_go(int alive) {
  (void)alive;
  release(0);
}

static void release_by_death(int time) {
  (void)time;
  kill_runner();
}

static void let_go_by_death(int alive) {
  (void)alive;
  kill_runner();
}

/* While a runner is stopped, no other process takes over. */
static void meanwhile(void) {
  int ran = call_once(0);
  if (ran != -EAGAIN) learn(ran);
}

static void check(void) { learn(call_once(arena->patience_ns)); }

static void settle_as(int most) {
  int completed = (int)arena->notes[COMPLETED];
  EXPECT(completed >= 1 && completed <= most, "it was run to its end %d times, expected 1 to %d", completed, most);
}

/* A victim may die after the end of the function and before it has noted that end. Then the function runs a second
 * time. */
static void settle(int progress) { settle_as(progress == KILLED_WITHIN ? 2 : 1); }
static void settle_waiter(int progress) {
  (void)progress;
  settle_as(1);
}

#define RECOVERED .recovery = "once.run"

const struct operation once_operations[] = {
  {.name = "once.run.first", .set_up = set_up, .run = run, .after = after_running, .meanwhile = meanwhile,
   .check = check, .settle = settle, RECOVERED},
  {.name = "once.run", .set_up = set_up, .prepare = warm_up, .run = run, .after = after_running,
   .meanwhile = meanwhile, .check = check, .settle = settle, RECOVERED},
  {.name = "once.run.beside", .set_up = set_up, .prepare = prepare_waiting_inside, .run = run,
   .after = after_running, .sleep = check, .sleepers = 2, .sleep_from = AT_BLOCK, .release = release,
   .meanwhile = meanwhile, .let_go = let_go, .check = check, .settle = settle},
  {.name = "once.run.orphaned", .set_up = set_up_orphaned, .prepare = warm_up, .run = run,
   .after = after_running, .meanwhile = meanwhile, .check = check, .settle = settle, RECOVERED},
  {.name = "once.wait", .set_up = set_up_running, .prepare = warm_up, .run = run, .after = after,
   .sleep = check, .sleepers = 2, .sleep_from = AT_BLOCK, .release = release, .meanwhile = meanwhile,
   .let_go = let_go, .check = check, .settle = settle_waiter},
  {.name = "once.wait.orphaned", .set_up = set_up_running, .prepare = warm_up, .run = run, .after = after,
   .sleep = check, .sleepers = 2, .sleep_from = AT_BLOCK, .release = release_by_death, .meanwhile = meanwhile,
   .let_go = let_go_by_death, .check = check, .settle = settle},
  {.name = "once.done", .set_up = set_up_done, .prepare = warm_up, .run = run, .after = after,
   .meanwhile = meanwhile, .check = check, .settle = settle_waiter},
  {0},
};
