/* The common declarations of the parts of the queue benchmark's driver: the current run, the results, and how processes
 * meet. */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include "peers.h"

#include "bench.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
  ROUNDS = 9,
  /* A long measurement of the time of one thread alone. */
  FEW_ROUNDS = 5,
  SIZES = 4,
  PEERS_MAX = 24,
  SAMPLES_MAX = 65536,
  CROWD = 4,
  PATIENCE_SECONDS = 60,
  OPTIONAL = 4
};

/* The sizes of messages in bytes, and how many messages a queue holds. */
extern const size_t sizes[SIZES], depths[SIZES];
extern const char *const size_names[SIZES];

extern bool is_quick;
/* Only peers and measures whose names contain these texts run; "" is in every name. */
extern const char *chosen_peers, *chosen_measures;
bool is_chosen(const char *measure);

/* The peers, in the order of the tables. */
extern const bench_peer_t *peers[PEERS_MAX];
extern int peer_count;

/* A peer that may be missing here, and the package that it needs. */
typedef struct {
  const char *file, *name, *needs;
  bool is_built;
} Optional;

extern Optional optional[OPTIONAL];

/* How many processes wanted a processor in the last minute, on average. */
extern double load_before;

/* processes.c */

/* Shared memory in which the processes of one run meet. */
enum { RECEIVERS_READY, GO, DONE, STEPS };

typedef struct {
  _Atomic int arrived[STEPS];
  _Atomic uint64_t begin_ns, end_ns;
  _Atomic uint64_t sum_sent, sum_received, sleeps;
  _Atomic pid_t receiver;
  _Atomic int received;
  double fill_ns, first_ns, pair_ns, drain_ns;
  _Atomic int filled;
  double calls, allocations;
  double samples[SAMPLES_MAX];
} Shared;

extern Shared *shared;

/* The current run; its processes inherit it. */
extern const bench_peer_t *peer;
extern void *queues[2];
extern int count;

uint64_t now_ns(void);
void arrive(int step);
void wait_for(int step, int processes);
/* The run begins when the last process arrives at GO. */
void meet(int step, int processes);
/* The run ends when the last process arrives. */
void finish(void);
uint64_t sleeps_so_far(void);
void use_both_processors(void);
/* Runs `role` in so many processes. False: one of them failed, or none made progress for PATIENCE_SECONDS. */
bool run_processes(int processes, void (*role)(int number));
void receive_in_order(void *queue, uint64_t expected);
void flush(void *queue);

/* roles.c: the processes' work. */

void stream(int side);
void rally(int side);
void rally_on_one(int side);
void wake(int side);
void alone(int side);
void crowd(int number);

/* rows.c */

typedef struct {
  /* Messages a second, or nanoseconds. */
  double value, p99;
  double elapsed_ns;
  double sleeps_per_message;
  size_t depth;
} Outcome;

typedef struct {
  const char *key, *title, *unit;
  void (*role)(int number);
  int processes, queues;
  /* The figure is messages divided by time, or the samples' median; with neither flag, time divided by messages. */
  bool is_rate, has_samples;
  /* A peer needs all flags of `needs` and none of `excludes`. */
  int needs, excludes;
  /* The number of messages. 0: as many as take target_ns(). */
  int fixed_count;
  /* How many of the sizes are measured, beginning with the first. */
  int size_count;
  /* The printed figure is the value divided by this. */
  double scale;
} Measure;

typedef struct {
  const Measure *measure;
  const bench_peer_t *peer;
  int size;
  /* NULL, or the reason why there are no values. */
  const char *why;
  int messages, rounds;
  size_t depth;
  double values[ROUNDS], p99s[ROUNDS], sleeps[ROUNDS];
} Row;

extern const Measure throughput_measure, rally_measure, one_processor_measure, wake_measure, alone_measure, crowd_measure;
extern Row rows[];
extern int row_count;

double median_of(const double *values, int number);
/* NULL if there is none. */
const Row *find_row(const Measure *measure, const bench_peer_t *of, int size);
bool takes_part(const Measure *measure, const bench_peer_t *candidate);
void measure_all(const Measure *measure);

/* growth.c */

enum { LEVELS = 6, KINDS = 2 };

typedef struct {
  const bench_peer_t *peer;
  int level, kind, rounds;
  const char *why;
  double pair[ROUNDS], fill[ROUNDS], first[ROUNDS], drain[ROUNDS];
} Growth;

extern const int levels[LEVELS];
/* The number of priorities. */
extern const unsigned kinds[KINDS];
extern Growth growths[];
extern int growth_count;

void measure_growth(void);

/* creation.c */

enum { CREATIONS = 3 };

typedef struct {
  const bench_peer_t *peer;
  double time_ns[CREATIONS], bytes[CREATIONS];
  const char *why[CREATIONS];
} Creation;

extern const int slot_counts[CREATIONS];
extern Creation creations[];
extern int creation_count;

void measure_creation(void);

/* calls.c */

typedef struct {
  const bench_peer_t *peer;
  const char *why;
  double calls, allocations;
} Calls;

extern Calls calls[];
extern int calls_count;

void measure_calls(void);

/* targets.c */

typedef struct {
  char what[120], found[40], wanted[40];
  /* 1: met; 0: missed; -1: not measured. */
  int is_met;
} Target;

extern Target targets[];
extern int target_count;

void judge_everything(void);

/* json.c */

void write_json(const char *path);

#endif
