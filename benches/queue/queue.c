/* The message queue against everything else that does its job.
 *
 *     make bench                                   all benchmarks; this one writes target/bench/queue.json and queue.svg
 *     make bench-queue                             this one alone
 *     make bench-queue QUEUE_FLAGS=quick           the same in less time, for a look: its figures are noisier
 *     target/benches/queue [quick] [peers=TEXT] [measures=TEXT] [DIRECTORY]
 *                                                  the driver by itself, also for those peers or measures alone that
 *                                                  have TEXT in their names; the JSON goes to DIRECTORY (.), the peers
 *                                                  are the shared objects in target/benches/peers
 *
 * Every figure is the median of rounds in one run, in which all take their turns (ROUNDS of them, and who comes first
 * changes), because these machines are shared: only ratios between rows of one run mean something. They are taken
 * round by round. Two processes run on two processors, one each. Every byte of every message is written by its
 * sender and read by its receiver, in place where the peer's interface has a way to, and a torn or lost message ends
 * the run. A receiver blocks, unless its row says that it polls.
 *
 *   throughput      one sender, one receiver, as fast as they go, from the first send to the last receive
 *   rally           half a round trip through two queues, both sides waiting the shortest way they know: in their
 *                   spin window, if they have one
 *   wake            from the send to the receive of a message whose receiver sleeps (/proc/PID/stat says so)
 *   alone           send, then receive, in one thread
 *   crowd           four senders and four receivers that share two processors
 *   growth          a pair of send and receive while so many others are queued; filling, the first receive, draining
 *   creation        time and memory for a queue of so many slots
 *   calls           system calls and allocations in a pair of send and receive, when nobody sleeps
 *
 * Queues hold as many messages as DEPTHS says, for all alike, where the peer lets one say. What each peer is set to, and
 * why, stands with it: limits.c, kernel.c, ours.c, and benches/peers.
 */
#include "peers.h"

#include "bench.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { ROUNDS = 5, SIZES = 4, PEERS_MAX = 24, SAMPLES_MAX = 65536, CROWD = 4, PATIENCE_SECONDS = 60 };

static const size_t sizes[SIZES] = { 64, 1024, 8192, 1 << 20 };
static const char *const size_names[SIZES] = { "64 B", "1 KiB", "8 KiB", "1 MiB" };
/* Powers of two: at most 16 MiB of payload. */
static const size_t depths[SIZES] = { 1024, 1024, 256, 16 };

static bool is_quick;
/* Parts of names: "" is in all. */
static const char *chosen_peers = "", *chosen_measures = "";

/* The peers, in the order of the tables. */
static const bench_peer_t *peers[PEERS_MAX];
static int peer_count;

/* ---- Processes --------------------------------------------------------------------------------- */

/* Where the processes of one run meet. */
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

static Shared *shared;

/* What is run now; the processes inherit it. */
static const bench_peer_t *peer;
static void *queues[2];
static size_t message_size;
static int count;

static uint64_t now_ns(void) { return (uint64_t)bench_now_ns(); }

static void arrive(int step) { atomic_fetch_add(&shared->arrived[step], 1); }

static void wait_for(int step, int processes) {
  while (atomic_load(&shared->arrived[step]) < processes) sched_yield();
}

/* The last one to come fires the starting pistol. */
static void meet(int step, int processes) {
  if (step == GO && atomic_load(&shared->arrived[step]) == processes - 1) atomic_store(&shared->begin_ns, now_ns());
  arrive(step);
  wait_for(step, processes);
}

static void finish(void) {
  uint64_t end = now_ns(), latest = atomic_load(&shared->end_ns);
  while (latest < end && !atomic_compare_exchange_weak(&shared->end_ns, &latest, end)) {}
}

static uint64_t sleeps_so_far(void) {
  struct rusage usage;
  REQUIRE(getrusage(RUSAGE_SELF, &usage) == 0);
  return (uint64_t)usage.ru_nvcsw;
}

/* Both of the two processors that everything runs on. */
static void use_both_processors(void) {
  cpu_set_t allowed, both;
  REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  CPU_ZERO(&both);
  for (int cpu = 0, found = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
    if (CPU_ISSET(cpu, &allowed)) {
      CPU_SET(cpu, &both);
      found++;
    }
  }
  REQUIRE(sched_setaffinity(0, sizeof both, &both) == 0);
}

/* Runs `role` in so many processes. False: one of them failed, or none got anywhere for PATIENCE_SECONDS. */
static bool run_processes(int processes, void (*role)(int number)) {
  pid_t children[2 * CROWD];
  bool is_well = true;
  memset(shared, 0, offsetof(Shared, samples));
  fflush(NULL);
  for (int i = 0; i < processes; i++) {
    children[i] = fork();
    REQUIRE(children[i] >= 0);
    if (children[i] == 0) {
      alarm(PATIENCE_SECONDS);
      role(i);
      exit(0);
    }
  }
  for (int left = processes; left > 0; left--) {
    int status;
    pid_t child = waitpid(-1, &status, 0);
    REQUIRE(child > 0);
    for (int i = 0; i < processes; i++) {
      if (children[i] == child) children[i] = 0;
    }
    if (status != 0 && is_well) {
      is_well = false;
      for (int i = 0; i < processes; i++) {
        if (children[i]) kill(children[i], SIGKILL);
      }
    }
  }
  return is_well;
}

static void receive_in_order(void *queue, uint64_t expected) {
  uint64_t value = peer->receive(queue);
  if (value != expected) {
    fprintf(stderr, "%s: message %llu came in place of %llu\n", peer->name, (unsigned long long)value, (unsigned long long)expected);
    exit(1);
  }
}

static void flush(void *queue) {
  if (peer->flush) peer->flush(queue);
}

/* ---- What the processes do --------------------------------------------------------------------- */

enum { RECEIVER = 0, SENDER = 1 };

/* The first message goes ahead: whoever connects only then has done so. */
static void stream(int side) {
  bench_pin(side);
  void *queue = queues[0];
  uint64_t slept;
  if (side == RECEIVER) {
    peer->attach(queue, BENCH_RECEIVES);
    arrive(RECEIVERS_READY);
    receive_in_order(queue, 0);
    meet(GO, 2);
    slept = sleeps_so_far();
    for (int i = 1; i <= count; i++) receive_in_order(queue, (uint64_t)i);
    finish();
  } else {
    wait_for(RECEIVERS_READY, 1);
    peer->attach(queue, BENCH_SENDS);
    peer->send(queue, 0, 0);
    flush(queue);
    meet(GO, 2);
    slept = sleeps_so_far();
    for (int i = 1; i <= count; i++) peer->send(queue, (uint64_t)i, 0);
    flush(queue);
  }
  atomic_fetch_add(&shared->sleeps, sleeps_so_far() - slept);
  meet(DONE, 2);
  peer->detach(queue);
}

enum { RALLY_WARM_UP = 20 };

static void rally(int side) {
  bench_pin(side);
  void *there = queues[side], *back = queues[!side];
  peer->attach(back, BENCH_RECEIVES);
  arrive(RECEIVERS_READY);
  wait_for(RECEIVERS_READY, 2);
  peer->attach(there, BENCH_SENDS);
  meet(GO, 2);
  for (int i = -RALLY_WARM_UP; i < count; i++) {
    uint64_t number = (uint64_t)(i + RALLY_WARM_UP);
    if (side == 0) {
      double begin = bench_now_ns();
      peer->send(there, number, 0);
      receive_in_order(back, number);
      if (i >= 0) shared->samples[i] = (bench_now_ns() - begin) / 2;
    } else {
      receive_in_order(back, number);
      peer->send(there, number, 0);
    }
  }
  finish();
  meet(DONE, 2);
  peer->detach(there);
  peer->detach(back);
}

/* Whether a process's first thread sleeps: the third field of its stat, behind a name that may have anything in it. */
static bool is_asleep(int stat) {
  char text[512];
  ssize_t length = pread(stat, text, sizeof text - 1, 0);
  REQUIRE(length > 0);
  text[length] = '\0';
  const char *end = strrchr(text, ')');
  REQUIRE(end != NULL);
  return end[2] == 'S';
}

/* The sender keeps its processor busy meanwhile: what is measured is the receiver's waking, not its own. */
static void pause_for(uint64_t duration_ns) {
  for (uint64_t end = now_ns() + duration_ns; now_ns() < end;) {}
}

static void wake(int side) {
  bench_pin(side);
  void *queue = queues[0];
  if (side == RECEIVER) {
    atomic_store(&shared->receiver, getpid());
    peer->attach(queue, BENCH_RECEIVES);
    arrive(RECEIVERS_READY);
    for (int i = -1; i < count; i++) {
      uint64_t sent = peer->receive(queue);
      double latency = (double)(now_ns() - sent);
      if (i >= 0) shared->samples[i] = latency;
      atomic_fetch_add(&shared->received, 1);
    }
    finish();
  } else {
    wait_for(RECEIVERS_READY, 1);
    peer->attach(queue, BENCH_SENDS);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)atomic_load(&shared->receiver));
    int stat = open(path, O_RDONLY);
    REQUIRE(stat >= 0);
    atomic_store(&shared->begin_ns, now_ns());
    for (int i = 0; i <= count; i++) {
      while (atomic_load(&shared->received) < i || !is_asleep(stat)) pause_for(2000);
      pause_for(30000);
      peer->send(queue, now_ns(), 0);
    }
  }
  meet(DONE, 2);
  peer->detach(queue);
}

static void alone(int side) {
  bench_pin(side);
  void *queue = queues[0];
  peer->attach(queue, BENCH_SENDS | BENCH_RECEIVES);
  for (int i = 0; i < 10; i++) {
    peer->send(queue, 0, 0);
    receive_in_order(queue, 0);
  }
  meet(GO, 1);
  for (int i = 0; i < count; i++) {
    peer->send(queue, (uint64_t)i, 0);
    receive_in_order(queue, (uint64_t)i);
  }
  finish();
  peer->detach(queue);
}

static void crowd(int number) {
  use_both_processors();
  void *queue = queues[0];
  uint64_t sum = 0;
  int share = count / CROWD;
  if (number < CROWD) {
    peer->attach(queue, BENCH_RECEIVES);
    arrive(RECEIVERS_READY);
    meet(GO, 2 * CROWD);
    for (int i = 0; i < share; i++) sum += peer->receive(queue);
    finish();
    atomic_fetch_add(&shared->sum_received, sum);
  } else {
    wait_for(RECEIVERS_READY, CROWD);
    peer->attach(queue, BENCH_SENDS);
    meet(GO, 2 * CROWD);
    for (int i = 0; i < share; i++) {
      uint64_t value = (uint64_t)(number * share + i);
      peer->send(queue, value, 0);
      sum += value;
    }
    atomic_fetch_add(&shared->sum_sent, sum);
  }
  arrive(DONE);
  /* Asleep, so that who is done leaves the processor to the others. */
  while (atomic_load(&shared->arrived[DONE]) < 2 * CROWD) usleep(1000);
  peer->detach(queue);
  if (number == 0 && atomic_load(&shared->sum_sent) != atomic_load(&shared->sum_received)) {
    fprintf(stderr, "%s: what was received is not what was sent\n", peer->name);
    exit(1);
  }
}

/* ---- One measurement --------------------------------------------------------------------------- */

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
  /* Value by count and time; NULL: the median of the samples. */
  bool is_rate, has_samples;
  /* A peer needs all of the first, and must have none of the second. */
  int needs, excludes;
  /* How many, and 0 to find out how many take `target_ns`. */
  int fixed_count;
  /* Of the sizes, the first so many. */
  int size_count;
  /* What is printed is the value by this. */
  double scale;
} Measure;

static const Measure throughput_measure = {
  .key = "throughput", .title = "Throughput, one sender and one receiver, in millions of messages a second",
  .unit = "messages/s", .role = stream, .processes = 2, .queues = 1, .is_rate = true,
  .excludes = BENCH_ONE_MESSAGE, .size_count = SIZES, .scale = 1e6,
};
static const Measure rally_measure = {
  .key = "rally", .title = "One way, half a round trip, both sides waiting for it: microseconds, median and 99th percentile",
  .unit = "ns", .role = rally, .processes = 2, .queues = 2, .has_samples = true,
  .excludes = BENCH_BATCH, .size_count = SIZES, .scale = 1e3,
};
static const Measure wake_measure = {
  .key = "wake", .title = "One way to a receiver that sleeps: microseconds, median and 99th percentile",
  .unit = "ns", .role = wake, .processes = 2, .queues = 1, .has_samples = true,
  .excludes = BENCH_BATCH | BENCH_POLLS, .fixed_count = 100, .size_count = SIZES, .scale = 1e3,
};
static const Measure alone_measure = {
  .key = "alone", .title = "Send and receive in one thread, in nanoseconds",
  .unit = "ns", .role = alone, .processes = 1, .queues = 1,
  .excludes = BENCH_BATCH | BENCH_ONE_MESSAGE, .size_count = SIZES, .scale = 1,
};
static const Measure crowd_measure = {
  .key = "crowd", .title = "Throughput, four senders and four receivers on two processors, in millions of messages a second",
  .unit = "messages/s", .role = crowd, .processes = 2 * CROWD, .queues = 1, .is_rate = true,
  .needs = BENCH_MANY, .size_count = 1, .scale = 1e6,
};

static double target_ns(void) { return is_quick ? 1e7 : 6e7; }

/* A queue of as many messages as the others have, or of as many as the system's limits permit. */
static void *create_queue(const char *name, int size, size_t *depth, const char **why) {
  for (*depth = depths[size]; *depth > 0; *depth = *depth > 10 && *depth < 20 ? 10 : *depth / 2) {
    bench_job_t job = { .name = name, .size = sizes[size], .depth = *depth };
    void *queue = peer->create(&job, why);
    if (queue) return queue;
  }
  return NULL;
}

/* NULL, or why it cannot be measured. */
static const char *measure_once(const Measure *measure, int size, Outcome *outcome) {
  static int serial;
  const char *why = "cannot";
  char names[2][64];
  message_size = sizes[size];
  for (int i = 0; i < measure->queues; i++) {
    snprintf(names[i], sizeof names[i], "ripc-bench-%d-%d", (int)getpid(), serial++);
    queues[i] = create_queue(names[i], size, &outcome->depth, &why);
    if (!queues[i]) {
      if (i) peer->destroy(queues[0]);
      return why;
    }
  }
  bool is_well = run_processes(measure->processes, measure->role);
  for (int i = 0; i < measure->queues; i++) peer->destroy(queues[i]);
  if (!is_well) return "failed";
  outcome->elapsed_ns = (double)(atomic_load(&shared->end_ns) - atomic_load(&shared->begin_ns));
  outcome->sleeps_per_message = (double)atomic_load(&shared->sleeps) / count;
  if (measure->has_samples) {
    outcome->value = bench_median(shared->samples, count);
    /* They are sorted now. */
    outcome->p99 = shared->samples[count * 99 / 100];
  } else {
    outcome->value = measure->is_rate ? count / outcome->elapsed_ns * 1e9 : outcome->elapsed_ns / count;
  }
  return NULL;
}

/* How many messages take target_ns(). */
static const char *calibrate(const Measure *measure, int size, int *messages) {
  Outcome outcome;
  if (measure->fixed_count) {
    *messages = is_quick || size ? measure->fixed_count / 3 : measure->fixed_count;
    count = 2;
    return measure_once(measure, size, &outcome);
  }
  for (count = sizes[size] > 65536 ? 8 : 256;; count *= 8) {
    const char *why = measure_once(measure, size, &outcome);
    if (why) return why;
    if (outcome.elapsed_ns > target_ns() / 8 || count > 10000000) break;
  }
  double messages_wanted = count * target_ns() / outcome.elapsed_ns;
  if (measure->has_samples && messages_wanted > SAMPLES_MAX) messages_wanted = SAMPLES_MAX;
  *messages = messages_wanted < 8 ? 8 : (int)messages_wanted;
  return NULL;
}

/* ---- Rows -------------------------------------------------------------------------------------- */

typedef struct {
  const Measure *measure;
  const bench_peer_t *peer;
  int size;
  /* NULL, or why there are no values. */
  const char *why;
  int messages, rounds;
  size_t depth;
  double values[ROUNDS], p99s[ROUNDS], sleeps[ROUNDS];
} Row;

static Row rows[PEERS_MAX * SIZES * 5];
static int row_count;

static double median_of(const double *values, int number) {
  double copy[ROUNDS];
  memcpy(copy, values, (size_t)number * sizeof *copy);
  return bench_median(copy, number);
}

static const Row *find_row(const Measure *measure, const bench_peer_t *of, int size) {
  for (int i = 0; i < row_count; i++) {
    if (rows[i].measure == measure && rows[i].peer == of && rows[i].size == size) return &rows[i];
  }
  return NULL;
}

static bool takes_part(const Measure *measure, const bench_peer_t *candidate) {
  return (candidate->abilities & measure->needs) == measure->needs && !(candidate->abilities & measure->excludes);
}

static void print_cell(const Row *row) {
  char text[40];
  if (!row) {
    snprintf(text, sizeof text, "-");
  } else if (row->why) {
    snprintf(text, sizeof text, "no");
  } else if (row->measure->has_samples) {
    snprintf(
      text, sizeof text, "%.2f / %.2f", median_of(row->values, row->rounds) / row->measure->scale,
      median_of(row->p99s, row->rounds) / row->measure->scale);
  } else {
    snprintf(text, sizeof text, "%.4g", median_of(row->values, row->rounds) / row->measure->scale);
  }
  printf(" %18s", text);
}

static void print_table(const Measure *measure) {
  printf("\n%s\n%-22s", measure->title, "");
  for (int size = 0; size < measure->size_count; size++) printf(" %18s", size_names[size]);
  puts("");
  for (int i = 0; i < peer_count; i++) {
    if (!takes_part(measure, peers[i])) continue;
    printf("%-22s", peers[i]->name);
    for (int size = 0; size < measure->size_count; size++) print_cell(find_row(measure, peers[i], size));
    puts("");
  }
  for (int i = 0; i < row_count; i++) {
    if (rows[i].measure == measure && rows[i].why) {
      printf("  no: %s, %s: %s\n", rows[i].peer->name, size_names[rows[i].size], rows[i].why);
    }
  }
  fflush(stdout);
}

static bool is_chosen(const char *measure) { return strstr(measure, chosen_measures) != NULL; }

static void measure_all(const Measure *measure) {
  if (!is_chosen(measure->key)) return;
  for (int size = 0; size < measure->size_count; size++) {
    Row *first = &rows[row_count];
    for (int i = 0; i < peer_count; i++) {
      if (!takes_part(measure, peers[i])) continue;
      Row *row = &rows[row_count++];
      *row = (Row) { .measure = measure, .peer = peers[i], .size = size };
      peer = peers[i];
      row->why = calibrate(measure, size, &row->messages);
    }
    int number = (int)(&rows[row_count] - first);
    for (int round = 0; round < ROUNDS; round++) {
      for (int step = 0; step < number; step++) {
        /* Each is first once, and each second time the order is turned round. */
        int at = (step + round * number / ROUNDS) % number;
        Row *row = &first[round % 2 ? number - 1 - at : at];
        if (row->why) continue;
        Outcome outcome = { 0 };
        peer = row->peer;
        count = row->messages;
        row->why = measure_once(measure, size, &outcome);
        if (row->why) continue;
        row->depth = outcome.depth;
        row->values[row->rounds] = outcome.value;
        row->p99s[row->rounds] = outcome.p99;
        row->sleeps[row->rounds++] = outcome.sleeps_per_message;
      }
    }
  }
  print_table(measure);
}

/* ---- Growth ------------------------------------------------------------------------------------ */

enum { LEVELS = 6, KINDS = 2 };
static const int levels[LEVELS] = { 10, 100, 1000, 10000, 100000, 1000000 };
static const unsigned kinds[KINDS] = { 1, 1000 };

typedef struct {
  const bench_peer_t *peer;
  int level, kind, rounds;
  const char *why;
  double pair[ROUNDS], fill[ROUNDS], first[ROUNDS], drain[ROUNDS];
} Growth;

static Growth growths[PEERS_MAX * LEVELS * KINDS];
static int growth_count;
static unsigned priorities;

/* The same priorities for all. */
static unsigned next_priority(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)((*state >> 33) % priorities);
}

/* So long may filling take, before it is given up. */
static const double growth_limit_ns = 2e9;

/* One thread alone never waits here, so that the processor's time is what it takes, whoever else wants the processor. */
static double processor_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void grow(int side) {
  bench_pin(side);
  void *queue = queues[0];
  uint64_t state = 1;
  peer->attach(queue, BENCH_SENDS | BENCH_RECEIVES);
  double begin = processor_ns(), end = begin;
  for (int i = 0; i < count; i++) {
    peer->send(queue, (uint64_t)i, next_priority(&state));
    if (i % 64 == 0 && processor_ns() - begin > growth_limit_ns) exit(0);
  }
  shared->fill_ns = (processor_ns() - begin) / count;
  begin = processor_ns();
  peer->receive(queue);
  shared->first_ns = processor_ns() - begin;
  peer->send(queue, 0, next_priority(&state));
  atomic_store(&shared->filled, 1);
  enum { PAIRS = 20000 };
  int pairs = 0;
  for (begin = processor_ns(); pairs < PAIRS; pairs++) {
    peer->send(queue, (uint64_t)pairs, next_priority(&state));
    peer->receive(queue);
    if (pairs % 64 == 63 && (end = processor_ns()) - begin > growth_limit_ns / 40) {
      pairs++;
      break;
    }
  }
  shared->pair_ns = (processor_ns() - begin) / pairs;
  begin = processor_ns();
  for (int i = 0; i < count; i++) peer->receive(queue);
  shared->drain_ns = (processor_ns() - begin) / count;
  peer->detach(queue);
}

static void measure_growth(void) {
  int level_count = is_quick ? 4 : LEVELS;
  for (int kind = 0; kind < KINDS; kind++) {
    for (int level = 0; level < level_count; level++) {
      Growth *first = &growths[growth_count];
      for (int i = 0; i < peer_count; i++) {
        if (!(peers[i]->abilities & BENCH_PRIORITIES)) continue;
        growths[growth_count++] = (Growth) { .peer = peers[i], .level = level, .kind = kind };
      }
      int number = (int)(&growths[growth_count] - first);
      for (int round = 0; round < ROUNDS; round++) {
        for (int step = 0; step < number; step++) {
          Growth *growth = &first[round % 2 ? number - 1 - step : step];
          if (growth->why) continue;
          char name[64];
          snprintf(name, sizeof name, "ripc-bench-%d-growth", (int)getpid());
          bench_job_t job = { .name = name, .size = 64, .depth = (size_t)levels[level] + 16 };
          peer = growth->peer;
          priorities = kinds[kind];
          count = levels[level];
          queues[0] = peer->create(&job, &growth->why);
          if (!queues[0]) continue;
          if (!run_processes(1, grow)) {
            growth->why = "failed";
          } else if (!atomic_load(&shared->filled)) {
            growth->why = "filling it takes over two seconds";
          } else {
            growth->pair[growth->rounds] = shared->pair_ns;
            growth->fill[growth->rounds] = shared->fill_ns;
            growth->first[growth->rounds] = shared->first_ns;
            growth->drain[growth->rounds++] = shared->drain_ns;
          }
          peer->destroy(queues[0]);
        }
      }
    }
  }
  puts("\nGrowth: nanoseconds of the processor at 64 B, with so many other messages queued, for a pair of send and receive (and");
  puts("for each message of filling / for the first receive after that, where a queue may put off its work / of draining)");
  for (int kind = 0; kind < KINDS; kind++) {
    printf("%-22s", kind == 0 ? "one priority" : "1,000 priorities");
    for (int level = 0; level < level_count; level++) printf(" %25d", levels[level]);
    puts("");
    for (int i = 0; i < peer_count; i++) {
      if (!(peers[i]->abilities & BENCH_PRIORITIES)) continue;
      printf("%-22s", peers[i]->name);
      for (int j = 0; j < growth_count; j++) {
        Growth *growth = &growths[j];
        if (growth->peer != peers[i] || growth->kind != kind) continue;
        char text[40] = "no";
        if (!growth->why) {
          snprintf(
            text, sizeof text, "%.0f (%.0f / %.3g / %.0f)", median_of(growth->pair, growth->rounds),
            median_of(growth->fill, growth->rounds), median_of(growth->first, growth->rounds),
            median_of(growth->drain, growth->rounds));
        }
        printf(" %25s", text);
      }
      puts("");
    }
  }
  for (int i = 0; i < growth_count; i++) {
    const Growth *growth = &growths[i];
    if (growth->why) {
      printf(
        "  no: %s, %d messages, %s: %s\n", growth->peer->name, levels[growth->level],
        growth->kind == 0 ? "one priority" : "1,000 priorities", growth->why);
    }
  }
  fflush(stdout);
}

/* ---- Creation ---------------------------------------------------------------------------------- */

enum { CREATIONS = 3 };
static const int slot_counts[CREATIONS] = { 10, 1000, 1000000 };

typedef struct {
  const bench_peer_t *peer;
  double time_ns[CREATIONS], bytes[CREATIONS];
  const char *why[CREATIONS];
} Creation;

static Creation creations[PEERS_MAX];
static int creation_count;

/* The shared memory of the files that have `name` in theirs. */
static double bytes_of(const char *name) {
  double bytes = 0;
  DIR *directory = opendir("/dev/shm");
  REQUIRE(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    struct stat status;
    if (strstr(entry->d_name, name) && fstatat(dirfd(directory), entry->d_name, &status, 0) == 0) {
      bytes += (double)status.st_size;
    }
  }
  closedir(directory);
  return bytes;
}

static void measure_creation(void) {
  for (int i = 0; i < peer_count; i++) {
    if (!(peers[i]->abilities & BENCH_FILE)) continue;
    creations[creation_count++].peer = peers[i];
  }
  for (int slots = 0; slots < CREATIONS - is_quick; slots++) {
    double times[PEERS_MAX][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < creation_count; i++) {
        Creation *creation = &creations[round % 2 ? creation_count - 1 - i : i];
        char name[64];
        snprintf(name, sizeof name, "ripc-bench-%d-creation", (int)getpid());
        bench_job_t job = { .name = name, .size = 64, .depth = (size_t)slot_counts[slots] };
        double begin = bench_now_ns();
        void *queue = creation->peer->create(&job, &creation->why[slots]);
        times[creation - creations][round] = bench_now_ns() - begin;
        if (!queue) continue;
        creation->bytes[slots] = bytes_of(name);
        creation->peer->destroy(queue);
      }
    }
    for (int i = 0; i < creation_count; i++) creations[i].time_ns[slots] = bench_median(times[i], ROUNDS);
  }
  puts("\nCreation of a queue of 64 B messages: microseconds, and bytes of shared memory");
  printf("%-22s", "");
  for (int slots = 0; slots < CREATIONS; slots++) printf(" %14d slots     ", slot_counts[slots]);
  puts("   bytes a slot   bytes besides");
  for (int i = 0; i < creation_count; i++) {
    const Creation *creation = &creations[i];
    printf("%-22s", creation->peer->name);
    for (int slots = 0; slots < CREATIONS; slots++) {
      if (creation->why[slots] || creation->bytes[slots] == 0) {
        printf(" %25s", "no");
      } else {
        printf(" %11.0f, %12.0f", creation->time_ns[slots] / 1e3, creation->bytes[slots]);
      }
    }
    int most = is_quick ? 1 : 2;
    double each = (creation->bytes[most] - creation->bytes[0]) / (slot_counts[most] - slot_counts[0]);
    printf(" %14.1f %15.0f\n", each, creation->bytes[0] - each * slot_counts[0]);
  }
  fflush(stdout);
}

/* ---- System calls and allocations -------------------------------------------------------------- */

static bool counts_allocations;
static long allocations;

#ifdef __GLIBC__
/* glibc lets a program put its own in their place, also for the libraries that it loads. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

static void note_allocation(void) {
  if (counts_allocations) allocations++;
}

void *malloc(size_t size) {
  note_allocation();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  note_allocation();
  return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
  note_allocation();
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note_allocation();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  note_allocation();
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
#endif

enum { COUNTED = 100 };

typedef struct {
  const bench_peer_t *peer;
  const char *why;
  double calls, allocations;
} Calls;

static Calls calls[PEERS_MAX];
static int calls_count;

/* How many system calls the child makes until it stops itself. */
static int calls_until_stop(pid_t child) {
  for (int stops = 0;; stops++) {
    int status;
    REQUIRE(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
    REQUIRE(waitpid(child, &status, 0) == child);
    if (!WIFSTOPPED(status)) return -1;
    if (WSTOPSIG(status) == SIGALRM) {
      kill(child, SIGKILL);
      REQUIRE(waitpid(child, &status, 0) == child);
      return -1;
    }
    /* Two stops for each call; that of the child's own stopping is not left yet. */
    if (WSTOPSIG(status) == SIGSTOP) return stops;
  }
}

static void count_calls(Calls *row) {
  memset(shared, 0, offsetof(Shared, samples));
  fflush(NULL);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    void *queue = queues[0];
    alarm(PATIENCE_SECONDS);
    bench_pin(0);
    peer->attach(queue, BENCH_SENDS | BENCH_RECEIVES);
    for (int i = 0; i < 10; i++) {
      peer->send(queue, 0, 0);
      peer->receive(queue);
    }
    counts_allocations = true;
    for (int i = 0; i < COUNTED; i++) {
      peer->send(queue, 0, 0);
      peer->receive(queue);
    }
    counts_allocations = false;
    shared->allocations = (double)allocations / COUNTED;
    REQUIRE(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    raise(SIGSTOP);
    raise(SIGSTOP);
    for (int i = 0; i < COUNTED; i++) {
      peer->send(queue, 0, 0);
      peer->receive(queue);
    }
    raise(SIGSTOP);
    peer->detach(queue);
    exit(0);
  }
  int status;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (!WIFSTOPPED(status)) {
    row->why = "ptrace is not permitted here";
    return;
  }
  /* What stopping takes by itself does not count. */
  int idle = calls_until_stop(child);
  int busy = idle < 0 ? -1 : calls_until_stop(child);
  if (busy < 0) {
    row->why = "failed";
    return;
  }
  row->calls = (busy - idle) / 2.0 / COUNTED;
  row->allocations = shared->allocations;
  REQUIRE(ptrace(PTRACE_DETACH, child, NULL, NULL) == 0);
  REQUIRE(waitpid(child, &status, 0) == child);
}

static void measure_calls(void) {
  puts("\nSystem calls and allocations of one thread for a pair of send and receive at 64 B, when nobody sleeps");
  for (int i = 0; i < peer_count; i++) {
    if (!takes_part(&alone_measure, peers[i])) continue;
    Calls *row = &calls[calls_count++];
    char name[64];
    snprintf(name, sizeof name, "ripc-bench-%d-calls", (int)getpid());
    bench_job_t job = { .name = name, .size = 64, .depth = 64 };
    row->peer = peer = peers[i];
    queues[0] = peer->create(&job, &row->why);
    if (queues[0]) {
      count_calls(row);
      peer->destroy(queues[0]);
    }
    if (row->why) {
      printf("%-22s not counted: %s\n", peer->name, row->why);
    } else {
      printf("%-22s %10.2f calls %10.2f allocations\n", peer->name, row->calls, row->allocations);
    }
  }
  fflush(stdout);
}

/* ---- Targets ----------------------------------------------------------------------------------- */

typedef struct {
  char what[120], found[40], wanted[40];
  /* 1 met, 0 missed, -1 not measured. */
  int is_met;
} Target;

static Target targets[40];
static int target_count;

/* Not behind: what is within a twentieth is even, on machines like these. */
#define EVEN 1.05

static void judge(const char *what, const char *found, const char *wanted, int is_met) {
  Target *target = &targets[target_count++];
  snprintf(target->what, sizeof target->what, "%s", what);
  snprintf(target->found, sizeof target->found, "%s", found);
  snprintf(target->wanted, sizeof target->wanted, "%s", wanted);
  target->is_met = is_met;
}

/* The median of the rounds' ratios; 0: one of them was not measured. */
static double ratio_of(const Row *a, const Row *b) {
  double ratios[ROUNDS];
  if (!a || !b || a->why || b->why || a->rounds != b->rounds || a->rounds == 0) return 0;
  for (int i = 0; i < a->rounds; i++) ratios[i] = a->values[i] / b->values[i];
  return bench_median(ratios, a->rounds);
}

static const bench_peer_t *peer_named(const char *name) {
  for (int i = 0; i < peer_count; i++) {
    if (strcmp(peers[i]->name, name) == 0) return peers[i];
  }
  return NULL;
}

/* Judges ours against one row: at least (a rate) or at most (a time) `bound` times it. */
static void judge_ratio(const char *what, const Row *ours, const Row *theirs, bool is_rate, double bound) {
  char found[40] = "not measured", wanted[40];
  double ratio = ratio_of(ours, theirs);
  if (ratio > 0) snprintf(found, sizeof found, "%.2fx", ratio);
  snprintf(wanted, sizeof wanted, "%s %.2fx", is_rate ? "at least" : "at most", bound);
  judge(what, found, wanted, ratio == 0 ? -1 : is_rate ? ratio >= bound : ratio <= bound);
}

/* Judges the better of ours, a message a call or in place, against the best of the others. */
static void judge_all(const Measure *measure, int size, double bound) {
  const Row *ours = NULL, *nearest = NULL;
  for (int i = 0; i < row_count; i++) {
    const Row *row = &rows[i];
    if (row->measure != measure || row->size != size || row->why || row->peer->abilities & (BENCH_LIMIT | BENCH_BATCH)) continue;
    const Row **best = row->peer->abilities & BENCH_OURS ? &ours : &nearest;
    double ratio = *best ? ratio_of(row, *best) : 0;
    if (!*best || (measure->is_rate ? ratio > 1 : ratio < 1)) *best = row;
  }
  char what[120];
  snprintf(
    what, sizeof what, "%s, %s: %s / best peer (%s)", measure->key, size_names[size],
    ours ? ours->peer->name : "ours", nearest ? nearest->peer->name : "none");
  judge_ratio(what, ours, nearest, measure->is_rate, bound);
}

static const Growth *find_growth(int level, int kind) {
  for (int i = 0; i < growth_count; i++) {
    const Growth *growth = &growths[i];
    if (growth->peer == &our_queue && growth->level == level && growth->kind == kind && !growth->why) return growth;
  }
  return NULL;
}

static void judge_everything(void) {
  char found[40], what[120];
  const Row *ours = find_row(&throughput_measure, &our_queue, 0);
  double rate = ours && !ours->why ? median_of(ours->values, ours->rounds) : 0;
  double by_kernel = ratio_of(ours, find_row(&throughput_measure, &kernel_queue, 0));
  snprintf(found, sizeof found, "%.2f M/s, %.1fx", rate / 1e6, by_kernel);
  judge(
    "throughput, 64 B: ipc_mq, and by the kernel's", rate > 0 ? found : "not measured", "6 M/s or 20x",
    rate > 0 ? rate >= 6e6 || by_kernel >= 20 : -1);
  for (int size = 0; size < SIZES; size++) judge_all(&throughput_measure, size, 1);
  judge_ratio(
    "rally, 64 B: ipc_mq / one cache line", find_row(&rally_measure, &our_queue, 0),
    find_row(&rally_measure, &cache_line, 0), false, 3);
  judge_all(&wake_measure, 0, EVEN);
  judge_ratio(
    "alone, 64 B: ipc_mq / Boost.Interprocess", find_row(&alone_measure, &our_queue, 0),
    find_row(&alone_measure, peer_named("Boost.Interprocess"), 0), false, EVEN);
  judge_ratio(
    "crowd, 64 B: ipc_mq / kernel mq", find_row(&crowd_measure, &our_queue, 0),
    find_row(&crowd_measure, &kernel_queue, 0), true, 1);
  judge_ratio(
    "crowd, 64 B: ipc_mq / Boost.Interprocess", find_row(&crowd_measure, &our_queue, 0),
    find_row(&crowd_measure, peer_named("Boost.Interprocess"), 0), true, 1);
  for (int kind = 0; kind < KINDS; kind++) {
    /* A logarithm of a million is six times that of ten. */
    const Growth *small = find_growth(0, kind), *large = find_growth(LEVELS - 1, kind);
    double growth = small && large ? median_of(large->pair, large->rounds) / median_of(small->pair, small->rounds) : 0;
    snprintf(found, sizeof found, "%.2fx", growth);
    snprintf(
      what, sizeof what, "growth, %s: a pair at 1,000,000 / at 10 queued", kind == 0 ? "one priority" : "1,000 priorities");
    judge(what, growth > 0 ? found : "not measured", "at most 6x", growth > 0 ? growth <= 6 : -1);
  }
  for (int i = 0; i < calls_count; i++) {
    if (calls[i].peer != &our_queue) continue;
    snprintf(found, sizeof found, "%.2f, %.2f", calls[i].calls, calls[i].allocations);
    judge(
      "calls, 64 B: system calls and allocations of ipc_mq", calls[i].why ? "not measured" : found, "0, 0",
      calls[i].why ? -1 : calls[i].calls <= 0 && calls[i].allocations <= 0);
  }
  puts("\nTargets (ratios are medians of the rounds' ratios; a rate should be high, a time low)");
  for (int i = 0; i < target_count; i++) {
    const Target *target = &targets[i];
    printf(
      "%-78s %18s   %-15s %s\n", target->what, target->found, target->wanted,
      target->is_met < 0 ? "NOT MEASURED" : target->is_met ? "met" : "MISSED");
  }
  fflush(stdout);
}

/* ---- Output ------------------------------------------------------------------------------------ */

/* What is not built here, and why. */
static struct {
  const char *file, *name, *needs;
  bool is_built;
} optional[] = {
  { "boost.so", "Boost.Interprocess", "libboost-dev", false },
  { "libqb.so", "libqb ring buffer", "libqb-dev", false },
  { "zeromq.so", "ZeroMQ", "libzmq3-dev", false },
  { "iceoryx2.so", "iceoryx2", "its crate from the registry, libclang and a recent Rust", false },
};
enum { OPTIONAL = sizeof optional / sizeof optional[0] };

static void json_string(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', file);
    if ((unsigned char)*text >= ' ') fputc(*text, file);
  }
  fputc('"', file);
}

static void json_field(FILE *file, const char *key, const char *text) {
  fprintf(file, "\"%s\": ", key);
  json_string(file, text);
}

static void json_values(FILE *file, const char *key, const double *values, int number) {
  fprintf(file, ", \"%s\": [", key);
  for (int i = 0; i < number; i++) fprintf(file, "%s%.9g", i ? ", " : "", values[i]);
  fputc(']', file);
}

static void processor_model(char *model, size_t size) {
  char line[256];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(model, size, "unknown");
  while (file && fgets(line, sizeof line, file)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) == 0 && colon) {
      line[strcspn(line, "\n")] = '\0';
      snprintf(model, size, "%s", colon + 2);
      break;
    }
  }
  if (file) fclose(file);
}

/* How many processes wanted a processor in the last minute, on average. */
static double load(void) {
  double averages[1];
  return getloadavg(averages, 1) == 1 ? averages[0] : 0;
}

static double load_before;

static void write_json(const char *path) {
  FILE *file = fopen(path, "w");
  REQUIRE(file != NULL);
  struct utsname system;
  char model[256];
  uname(&system);
  processor_model(model, sizeof model);
  fprintf(file, "{\n\"machine\": {");
  json_field(file, "processor", model);
  fprintf(file, ", \"processors\": %ld, ", sysconf(_SC_NPROCESSORS_ONLN));
  json_field(file, "system", system.release);
  fprintf(file, ", ");
  json_field(file, "library", ipc_version());
  fprintf(file, ", \"load_before\": %.2f", load_before);
  fprintf(file, "},\n\"rounds\": %d, \"quick\": %s,\n\"peers\": [", ROUNDS, is_quick ? "true" : "false");
  for (int i = 0; i < peer_count; i++) {
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "name", peers[i]->name);
    fprintf(file, ", ");
    json_field(file, "how", peers[i]->how);
    fprintf(
      file, ", \"ours\": %s, \"limit\": %s, \"polls\": %s}", peers[i]->abilities & BENCH_OURS ? "true" : "false",
      peers[i]->abilities & BENCH_LIMIT ? "true" : "false", peers[i]->abilities & BENCH_POLLS ? "true" : "false");
  }
  fprintf(file, "\n],\n\"left_out\": [");
  for (int i = 0, written = 0; i < OPTIONAL; i++) {
    if (optional[i].is_built) continue;
    fprintf(file, "%s", written++ ? ", " : "");
    json_string(file, optional[i].name);
  }
  fprintf(file, "],\n\"rows\": [");
  for (int i = 0; i < row_count; i++) {
    const Row *row = &rows[i];
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "measure", row->measure->key);
    fprintf(file, ", ");
    json_field(file, "unit", row->measure->unit);
    fprintf(file, ", ");
    json_field(file, "peer", row->peer->name);
    fprintf(file, ", \"size\": %zu", sizes[row->size]);
    if (row->why) {
      fprintf(file, ", ");
      json_field(file, "why_not", row->why);
    } else {
      fprintf(
        file, ", \"messages\": %d, \"depth\": %zu, \"median\": %.9g", row->messages, row->depth,
        median_of(row->values, row->rounds));
      if (row->measure->has_samples) fprintf(file, ", \"p99\": %.9g", median_of(row->p99s, row->rounds));
      if (row->measure == &throughput_measure) {
        fprintf(file, ", \"sleeps_per_message\": %.4g", median_of(row->sleeps, row->rounds));
      }
      json_values(file, "values", row->values, row->rounds);
    }
    fputc('}', file);
  }
  fprintf(file, "\n],\n\"growth\": [");
  for (int i = 0; i < growth_count; i++) {
    const Growth *growth = &growths[i];
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "peer", growth->peer->name);
    fprintf(file, ", \"queued\": %d, \"priorities\": %u, ", levels[growth->level], kinds[growth->kind]);
    if (growth->why) {
      json_field(file, "why_not", growth->why);
    } else {
      fprintf(
        file, "\"pair_ns\": %.6g, \"fill_ns\": %.6g, \"first_receive_ns\": %.6g, \"drain_ns\": %.6g",
        median_of(growth->pair, growth->rounds), median_of(growth->fill, growth->rounds),
        median_of(growth->first, growth->rounds), median_of(growth->drain, growth->rounds));
    }
    fputc('}', file);
  }
  fprintf(file, "\n],\n\"creation\": [");
  for (int i = 0, written = 0; i < creation_count; i++) {
    for (int slots = 0; slots < CREATIONS; slots++) {
      if (creations[i].why[slots] || creations[i].bytes[slots] == 0) continue;
      fprintf(file, "%s\n  {", written++ ? "," : "");
      json_field(file, "peer", creations[i].peer->name);
      fprintf(
        file, ", \"slots\": %d, \"ns\": %.6g, \"bytes\": %.0f}", slot_counts[slots], creations[i].time_ns[slots],
        creations[i].bytes[slots]);
    }
  }
  fprintf(file, "\n],\n\"calls\": [");
  for (int i = 0; i < calls_count; i++) {
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "peer", calls[i].peer->name);
    fprintf(file, ", ");
    if (calls[i].why) json_field(file, "why_not", calls[i].why);
    else fprintf(file, "\"system_calls\": %.2f, \"allocations\": %.2f", calls[i].calls, calls[i].allocations);
    fputc('}', file);
  }
  fprintf(file, "\n],\n\"targets\": [");
  for (int i = 0; i < target_count; i++) {
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "what", targets[i].what);
    fprintf(file, ", ");
    json_field(file, "found", targets[i].found);
    fprintf(file, ", ");
    json_field(file, "wanted", targets[i].wanted);
    fprintf(file, ", \"met\": %s}", targets[i].is_met < 0 ? "null" : targets[i].is_met ? "true" : "false");
  }
  fprintf(file, "\n]\n}\n");
  REQUIRE(fclose(file) == 0);
  printf("\n%s is written.\n", path);
}

/* ---- Setting up -------------------------------------------------------------------------------- */

static void add_peer(const bench_peer_t *candidate) {
  REQUIRE(peer_count < PEERS_MAX);
  if (!strstr(candidate->name, chosen_peers)) return;
  peers[peer_count++] = candidate;
}

static void load_peers(void) {
  char program[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  REQUIRE(length > 0);
  program[length] = '\0';
  *strrchr(program, '/') = '\0';
  for (int i = 0; i < OPTIONAL; i++) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/peers/%s", program, optional[i].file);
    void *object = access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
      if (access(path, R_OK) == 0) fprintf(stderr, "%s\n", dlerror());
      printf("Left out: %s, which was not built; it needs %s.\n", optional[i].name, optional[i].needs);
      continue;
    }
    optional[i].is_built = true;
    const bench_peer_t *(*find)(size_t index);
    *(void **)&find = dlsym(object, "bench_peer");
    REQUIRE(find != NULL);
    for (size_t index = 0; find(index); index++) add_peer(find(index));
  }
}

/* Lets the kernel's queue have as many messages as the others: by default it has 10. A namespace of its own is needed,
 * which takes a privilege: without it, the kernel's row has what users have. */
static void raise_kernel_limits(void) {
  struct rlimit limit;
  if (unshare(CLONE_NEWIPC) == 0) {
    int file = open("/proc/sys/fs/mqueue/msg_max", O_WRONLY);
    if (file >= 0) {
      if (write(file, "1024", 4) != 4) perror("fs.mqueue.msg_max");
      close(file);
    }
  }
  if (getrlimit(RLIMIT_MSGQUEUE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_MSGQUEUE, &limit);
  }
}

int main(int argc, char **argv) {
  const char *directory = ".";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "quick") == 0) is_quick = true;
    else if (strncmp(argv[i], "peers=", 6) == 0) chosen_peers = argv[i] + 6;
    else if (strncmp(argv[i], "measures=", 9) == 0) chosen_measures = argv[i] + 9;
    else directory = argv[i];
  }
  double begin = bench_now_ns();
  shared = bench_shared(sizeof *shared);
  raise_kernel_limits();
  printf(
    "The message queue against its peers: medians of %d alternating rounds%s\n", ROUNDS,
    is_quick ? ", quick: for a look only" : "");
  load_before = load();
  if (load_before > 0.5) {
    printf("The machine is busy with something else (load %.1f): the figures are not to be trusted.\n", load_before);
  }
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) puts("This machine has one processor: the two processes share it.");
  add_peer(&cache_line);
  add_peer(&plain_ring);
  add_peer(&our_queue);
#ifdef IPC_MQ_NO_SPIN
  add_peer(&our_queue_in_place);
  add_peer(&our_queue_in_batches);
#endif
  add_peer(&kernel_queue);
  add_peer(&kernel_pipe);
  add_peer(&stream_socket);
  add_peer(&packet_socket);
  load_peers();
  for (int i = 0; i < peer_count; i++) printf("%-22s %s\n", peers[i]->name, peers[i]->how);

  measure_all(&throughput_measure);
  measure_all(&rally_measure);
  measure_all(&wake_measure);
  measure_all(&alone_measure);
  measure_all(&crowd_measure);
  if (is_chosen("growth")) measure_growth();
  if (is_chosen("creation")) measure_creation();
  if (is_chosen("calls")) measure_calls();
  judge_everything();
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/queue.json", directory);
  write_json(path);
  printf("It took %.0f seconds.\n", (bench_now_ns() - begin) / 1e9);
  return 0;
}
