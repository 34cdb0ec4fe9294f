/* A waitset holds 1,000 objects, finds the one that is ready, and is fair: objects that are always ready do not keep
 * others from being reported. A wait allocates nothing. */
#include "lanes.h"

#define COUNT 1000

extern void *__libc_malloc(size_t);
static int counted;
#if !UNDER_SANITIZERS
void *malloc(size_t size) {
  counted++;
  return __libc_malloc(size);
}
#endif

static ipc_event_t *events;

static void set_one(void *number) { CHECK_EQUAL(ipc_event_set(&events[*(int *)number]), 0); }

static void run(enum lane lane) {
  static ipc_ready_t ready[COUNT];
  ipc_waitset_t *set;
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQUAL(ipc_event_init(&events[i], 0), 0);
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &events[i], &events[i]), 0);
  }
  int threads = count_threads_here();
  CHECK(threads <= 1 + (COUNT + 126) / 127 * 2);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, COUNT, 0), -EAGAIN);
  int before = counted;
  for (int i = 7; i < COUNT; i += lane == WITH_RING ? 30 : 100) {
    FINISH(start(set_one, &i));
    CHECK_EQUAL(ipc_waitset_wait(set, ready, COUNT, PATIENCE), 1);
    CHECK(ready[0].tag == &events[i]);
    CHECK_EQUAL(ipc_event_reset(&events[i]), 0);
    CHECK_EQUAL(ipc_waitset_wait(set, ready, COUNT, 0), -EAGAIN);
  }
  /* All are ready. Waits with room for 10 report each of them once in 100 calls. */
  static int reports[COUNT];
  memset(reports, 0, sizeof reports);
  for (int i = 0; i < COUNT; i++) CHECK_EQUAL(ipc_event_set(&events[i]), 0);
  while (ipc_waitset_wait(set, ready, COUNT, PATIENCE) < COUNT) sched_yield(); /* the watcher finds them in turn */
  for (int call = 0; call < COUNT / 10; call++) {
    CHECK_EQUAL(ipc_waitset_wait(set, ready, 10, PATIENCE), 10);
    for (int i = 0; i < 10; i++) reports[(ipc_event_t *)ready[i].tag - events]++;
  }
  for (int i = 0; i < COUNT; i++) CHECK_EQUAL(reports[i], 1);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, COUNT, 0), COUNT);
  CHECK_EQUAL(counted, before);
  CHECK_EQUAL(ipc_waitset_close(set), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  events = mmap(NULL, COUNT * sizeof *events, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(events != MAP_FAILED);
  in_each_lane(run);
  return 0;
}
