/* The measures that print a row for each peer and size: the rounds and the tables. */
#include "driver.h"

const Measure throughput_measure = {
  .key = "throughput", .title = "Throughput, one sender and one receiver, in millions of messages a second",
  .unit = "messages/s", .role = stream, .processes = 2, .queues = 1, .is_rate = true,
  .excludes = BENCH_ONE_MESSAGE, .size_count = SIZES, .scale = 1e6,
};
const Measure rally_measure = {
  .key = "rally", .title = "One way, half a round trip, both sides waiting for it: microseconds, median and 99th percentile",
  .unit = "ns", .role = rally, .processes = 2, .queues = 2, .has_samples = true,
  .excludes = BENCH_BATCH, .size_count = SIZES, .scale = 1e3,
};
const Measure one_processor_measure = {
  .key = "one_processor", .title = "The same with both sides bound to one processor",
  .unit = "ns", .role = rally_on_one, .processes = 2, .queues = 2, .has_samples = true,
  .excludes = BENCH_BATCH | BENCH_POLLS, .size_count = 1, .scale = 1e3,
};
const Measure wake_measure = {
  .key = "wake", .title = "One way to a receiver that sleeps: microseconds, median and 99th percentile",
  .unit = "ns", .role = wake, .processes = 2, .queues = 1, .has_samples = true,
  .excludes = BENCH_BATCH | BENCH_POLLS, .fixed_count = 100, .size_count = SIZES, .scale = 1e3,
};
const Measure alone_measure = {
  .key = "alone", .title = "Send and receive in one thread, in nanoseconds",
  .unit = "ns", .role = alone, .processes = 1, .queues = 1,
  .excludes = BENCH_BATCH | BENCH_ONE_MESSAGE, .size_count = SIZES, .scale = 1,
};
const Measure crowd_measure = {
  .key = "crowd", .title = "Throughput, four senders and four receivers on two processors, in millions of messages a second",
  .unit = "messages/s", .role = crowd, .processes = 2 * CROWD, .queues = 1, .is_rate = true,
  .needs = BENCH_MANY, .size_count = 1, .scale = 1e6,
};

static double target_ns(void) { return is_quick ? 6e6 : 3.5e7; }

/* Makes a queue for as many messages as the others have, or for as many as the system's limits permit. */
static void *create_queue(const char *name, int size, size_t *depth, const char **why) {
  for (*depth = depths[size]; *depth > 0; *depth = *depth > 10 && *depth < 20 ? 10 : *depth / 2) {
    bench_job_t job = BENCH_JOB(.name = name, .size = sizes[size], .depth = *depth);
    void *queue = peer->create(&job, why);
    if (queue) return queue;
  }
  return NULL;
}

/* Returns NULL, or the reason why the peer cannot be measured. */
static const char *measure_once(const Measure *measure, int size, Outcome *outcome) {
  static int serial;
  const char *why = "cannot";
  char names[2][64];
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
    /* The values are sorted now. */
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
    int most = measure->has_samples ? SAMPLES_MAX : 1 << 28;
    if (outcome.elapsed_ns > target_ns() / 8 || count > most / 8) break;
  }
  double messages_wanted = count * target_ns() / outcome.elapsed_ns;
  if (measure->has_samples && messages_wanted > SAMPLES_MAX) messages_wanted = SAMPLES_MAX;
  *messages = messages_wanted < 8 ? 8 : (int)messages_wanted;
  return NULL;
}

Row rows[PEERS_MAX * SIZES * 6];
int row_count;

double median_of(const double *values, int number) {
  double copy[ROUNDS];
  memcpy(copy, values, (size_t)number * sizeof *copy);
  return bench_median(copy, number);
}

const Row *find_row(const Measure *measure, const bench_peer_t *of, int size) {
  for (int i = 0; i < row_count; i++) {
    if (rows[i].measure == measure && rows[i].peer == of && rows[i].size == size) return &rows[i];
  }
  return NULL;
}

bool takes_part(const Measure *measure, const bench_peer_t *candidate) {
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
    const Row *row = &rows[i];
    if (row->measure != measure) continue;
    if (row->why) {
      printf("  no: %s, %s: %s\n", row->peer->name, size_names[row->size], row->why);
    } else if (row->depth < depths[row->size]) {
      printf(
        "  %s, %s: room for %zu messages, not %zu, by the system's limits\n", row->peer->name, size_names[row->size],
        row->depth, depths[row->size]);
    }
  }
  fflush(stdout);
}

bool is_chosen(const char *measure) { return strstr(measure, chosen_measures) != NULL; }

void measure_all(const Measure *measure) {
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
    double begin = bench_now_ns();
    for (int round = 0; round < ROUNDS; round++) {
      /* On a busy machine there are fewer rounds. */
      if (round >= FEW_ROUNDS && bench_now_ns() - begin > 1e10) break;
      for (int step = 0; step < number; step++) {
        /* Each round begins with another peer, and every second round runs in reverse order. */
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
