/* Shared by the benchmarks: alternating rounds, medians, and two processes on two processors.
 *
 * The machines are shared and noisy, so a single time means nothing. Each row measures the library
 * and its counterpart in turn, round by round, in one run. A ratio is computed for each round, because a disturbance slows
 * both sides of a round. The row prints the median times and the median ratio.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <robustipc.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BENCH_ROUNDS = 31 };

#define REQUIRE(condition) \
  do { \
    if (!(condition)) { \
      fprintf( \
        stderr, "%s:%d: %s (errno: %s; last error: %s)\n", __FILE__, __LINE__, #condition, \
        strerror(errno), ipc_last_error()); \
      exit(1); \
    } \
  } while (0)

static inline double bench_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double bench_median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, bench_compare);
  return values[count / 2];
}

/* Keeps this process on one processor: the first, second, ... of those it may use. */
static inline void bench_pin(int number) {
  static cpu_set_t allowed;
  static int known;
  if (!known) {
    REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    known = 1;
  }
  number %= CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &allowed) && number-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
      return;
    }
  }
}

/* One measurement: the time in nanoseconds of one operation. */
typedef double (*bench_t)(void);

/* Measures `ours` and `theirs` alternately, prints a row, and returns the median ratio. */
static inline double bench_row(const char *what, const char *peer, bench_t ours, bench_t theirs) {
  double our_times[BENCH_ROUNDS], their_times[BENCH_ROUNDS], ratios[BENCH_ROUNDS];
  ours();
  theirs();
  for (int round = 0; round < BENCH_ROUNDS; round++) {
    /* The order changes from round to round. */
    if (round % 2) their_times[round] = theirs();
    our_times[round] = ours();
    if (round % 2 == 0) their_times[round] = theirs();
    ratios[round] = our_times[round] / their_times[round];
  }
  double ratio = bench_median(ratios, BENCH_ROUNDS);
  printf(
    "%-44s %10.1f ns   %-34s %10.1f ns   ratio %.2f\n", what, bench_median(our_times, BENCH_ROUNDS),
    peer, bench_median(their_times, BENCH_ROUNDS), ratio);
  fflush(stdout);
  return ratio;
}

/* Zeroed memory shared with the children. */
static inline void *bench_shared(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return memory;
}

#endif
