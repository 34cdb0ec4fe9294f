/* Shared by the fuzzers of shared memory: one process overwrites an object, others make calls on it.
 *
 * A fuzzer is bounded: without an argument it runs for about a second, with `SECONDS [SEED]` as long as you like. A failure
 * names the seed of its round, and `0 SEED` runs that round alone. Timing differs between runs, so a round may have to run
 * several times before it fails again.
 *
 * A caller is a process that makes random calls. It is judged by three rules. No signal ends it. No call returns -EIO. No call
 * returns later than its timeout and SLACK, which is generous because the machine may be slow.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "test.h"

/* How much later than its deadline a call may return on a slow and busy machine: the library's own limit is 100 ms. */
#define SLACK (4 * SECOND)

enum { CALLERS_MAX = 4 };

/* A pseudo-random number generator (xorshift64*, Vigna 2014). Each process has its own state. */
static uint64_t fuzz_state = 1;

__attribute__((unused)) static uint64_t fuzz_random(void) {
  fuzz_state ^= fuzz_state >> 12;
  fuzz_state ^= fuzz_state << 25;
  fuzz_state ^= fuzz_state >> 27;
  return fuzz_state * UINT64_C(0x2545f4914f6cdd1d);
}

__attribute__((unused)) static void fuzz_seed(uint64_t seed) {
  fuzz_state = (seed * UINT64_C(0x9e3779b97f4a7c15)) | 1;
  (void)fuzz_random();
}

/* A number below `limit`; 0 for the limit 0. */
__attribute__((unused)) static unsigned below(unsigned limit) {
  return limit == 0 ? 0 : (unsigned)((fuzz_random() >> 33) % limit);
}

/* 0 for a try, or a timeout of up to 2 ms. */
__attribute__((unused)) static int64_t fuzz_timeout(void) { return below(4) ? 0 : below(2000000); }

/* A caller's current call, for the process that watches the caller. */
typedef struct {
  const char *call;
  int64_t since, timeout_ns;
  uint64_t calls;
  char fault[500];
} Caller;

static struct {
  Caller callers[CALLERS_MAX];
} *fuzz_shared;

/* This process's own entry. */
static Caller *caller;

__attribute__((unused)) static void fuzz_fault(const char *what, long long result) {
  if (caller->fault[0] == 0)
    snprintf(
      caller->fault, sizeof caller->fault, "%s: %s (result %lld, \"%.200s\")", caller->call, what, result,
      ipc_last_error());
}

__attribute__((unused)) static void fuzz_judge(long long result) {
  int64_t took = now_ns() - caller->since;
  if (result == -EIO) fuzz_fault("-EIO", result);
  if (took > caller->timeout_ns + SLACK) fuzz_fault("later than its deadline", took);
  caller->calls++;
}

/* Makes a call that may wait for `timeout`, and judges its result. */
#define FUZZ_WITHIN(timeout, expression) \
  do { \
    caller->call = #expression; \
    caller->timeout_ns = (timeout); \
    caller->since = now_ns(); \
    fuzz_judge((long long)(expression)); \
  } while (0)
#define FUZZ(expression) FUZZ_WITHIN(0, expression)

/* A value for an object of `size` bytes mapped at `base`: what a stray pointer or a hostile peer may leave. `found` stands at
 * the place now, and `ids` are those of living threads. */
__attribute__((unused)) static uint64_t fuzz_value(const char *base, size_t size, uint64_t found, const pid_t *ids, int count) {
  uint64_t word;
  memcpy(&word, base + (below((unsigned)(size / 8)) * 8), sizeof word);
  switch (below(16)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return UINT64_C(1) << below(64);
    case 3: return found ^ UINT64_C(1) << below(64);
    case 4: return found + 1 + below(3);
    case 5: return found - 1 - below(3);
    case 6: return below(40);
    case 7: return (uint64_t)(ids[below((unsigned)count)]) | (uint64_t)below(4) << 30;
    case 8: return UINT64_C(0x40000000) | (uint64_t)below(2) << 31;
    case 9: return word; /* a link or a number from elsewhere in the object */
    case 10: return word + 8 * (uint64_t)below(5) - 16;
    case 11: return (uint64_t)(uintptr_t)base + 8 * below((unsigned)(size / 8));
    case 12: return (uint64_t)(uintptr_t)base + size - 8 + 8 * below(3); /* at and beyond its end */
    case 13: return (uint64_t)(uintptr_t)&word; /* the overwriting process's stack, at the same place in its siblings */
    case 14: return UINT64_C(0x414141414140) + below(2);
    default: return fuzz_random();
  }
}

/* Overwrites 1, 4 or 8 bytes, aligned, near `position`. */
__attribute__((unused)) static void fuzz_hit(char *base, size_t size, size_t position, const pid_t *ids, int count) {
  static const size_t widths[] = { 1, 4, 8 };
  size_t width = widths[below(3)];
  position &= ~(width - 1);
  if (position + width > size) return;
  uint64_t found = 0;
  memcpy(&found, base + position, width);
  uint64_t value = fuzz_value(base, size, found, ids, count);
  if (width == 1) *(volatile uint8_t *)(base + position) = (uint8_t)value;
  if (width == 4) *(volatile uint32_t *)(void *)(base + position) = (uint32_t)value;
  if (width == 8) *(volatile uint64_t *)(void *)(base + position) = value;
}

/* Maps `size` bytes of shared memory between two inaccessible pages, so that they end where the second one begins. */
__attribute__((unused)) static char *fuzz_guarded(size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
  char *start = mmap(NULL, whole + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(start != MAP_FAILED);
  char *middle = mmap(start + page, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(middle == start + page);
  return middle + whole - size;
}

/* Makes the pages in front of and behind a mapping inaccessible, where nothing stands there. */
__attribute__((unused)) static void fuzz_guard(const char *start, size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uintptr_t places[] = { (uintptr_t)start - page, (uintptr_t)start + size };
  for (int i = 0; i < 2; i++) {
    void *place = (void *)places[i]; /* only a hint: what stands there stays */
    void *found = mmap(place, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (found != MAP_FAILED && found != place) munmap(found, page);
  }
}

/* One round: starts `count` callers, lets `overwrite` run beside them in this process until `until`, and judges them. Then
 * `settle`, unless it is NULL, runs until they have ended. */
__attribute__((unused)) static void fuzz_round(
  uint64_t seed, int count, int64_t until, void (*call)(int64_t until), void (*overwrite)(const pid_t *ids, int count),
  void (*settle)(void)) {
  pid_t ids[CALLERS_MAX + 1];
  memset(fuzz_shared, 0, sizeof *fuzz_shared);
  fflush(NULL);
  for (int i = 0; i < count; i++) {
    ids[i] = fork();
    CHECK(ids[i] >= 0);
    if (ids[i] == 0) {
      caller = &fuzz_shared->callers[i];
      fuzz_seed(seed * 31 + (uint64_t)i + 1);
      call(until);
      _exit(0);
    }
  }
  ids[count] = getpid();
  int pause = (int)below(4);
  while (now_ns() < until) {
    for (unsigned hits = 1 + below(4); hits > 0; hits--) overwrite(ids, count + 1);
    /* pace: how often the words are overwritten. */
    if (pause == 0) usleep(2000);
    if (pause == 1) usleep(100);
    if (pause == 2) sched_yield();
  }
  for (int i = 0; i < count; i++) {
    int status;
    const Caller *judged = &fuzz_shared->callers[i];
    /* pace: `settle` is called again and again until the caller ends. */
    for (int64_t end = now_ns() + 2 * SLACK; waitpid(ids[i], &status, WNOHANG) != ids[i]; usleep(500)) {
      if (settle != NULL) settle();
      if (now_ns() < end) continue;
      for (int j = i; j < count; j++) kill(ids[j], SIGABRT); /* a core file shows where they are, if the system keeps one */
      test_failed(__FILE__, __LINE__, "seed %" PRIu64 ", caller %d: %s does not return", seed, i, judged->call);
    }
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)
      test_failed(
        __FILE__, __LINE__, "seed %" PRIu64 ", caller %d: wait status %#x in %s", seed, i, (unsigned)status,
        judged->call != NULL ? judged->call : "(no call)");
    if (judged->fault[0] != 0)
      test_failed(__FILE__, __LINE__, "seed %" PRIu64 ", caller %d: %s", seed, i, judged->fault);
  }
}

/* Runs rounds as the arguments say. */
__attribute__((unused)) static int fuzz_main(int argc, char **argv, void (*round)(uint64_t seed)) {
  SKIP_UNDER_VALGRIND("calls take too long, and others' stores are not seen at the same time");
  double seconds = argc > 1 ? atof(argv[1]) : 1;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, calls = 0, rounds = 0;
  setbuf(stdout, NULL);
  fuzz_shared = shared_memory(sizeof *fuzz_shared);
  int64_t end = now_ns() + (int64_t)(seconds * 1e9);
  do {
    fuzz_seed(seed);
    round(seed);
    for (int i = 0; i < CALLERS_MAX; i++) calls += fuzz_shared->callers[i].calls;
    seed++;
    rounds++;
  } while (now_ns() < end);
  printf("%" PRIu64 " rounds, %" PRIu64 " calls\n", rounds, calls);
  return 0;
}

#endif
