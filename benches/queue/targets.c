/* Compares the results with the library's targets. */
#include "driver.h"

Target targets[40];
int target_count;

/* "Not behind": on noisy machines a difference of up to 5 % counts as even. */
#define EVEN 1.05

/* "Flat or logarithmic", on machines whose memory gets slower with the amount that is used: the cost may grow by less
 * than the square root of the number of queued messages. A queue that searches or moves its messages exceeds this bound
 * by far. */
#define STEEPEST 3.1623

static void judge(const char *what, const char *found, const char *wanted, int is_met) {
  Target *target = &targets[target_count++];
  snprintf(target->what, sizeof target->what, "%s", what);
  snprintf(target->found, sizeof target->found, "%s", found);
  snprintf(target->wanted, sizeof target->wanted, "%s", wanted);
  target->is_met = is_met;
}

/* The median of the rounds' ratios. 0 if one of the two was not measured. */
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

/* Compares ours with one row. A rate must be at least `bound` times the row's, a time at most. */
static void judge_ratio(const char *what, const Row *ours, const Row *theirs, bool is_rate, double bound) {
  char found[40] = "not measured", wanted[40];
  double ratio = ratio_of(ours, theirs);
  if (ratio > 0) snprintf(found, sizeof found, "%.2fx", ratio);
  snprintf(wanted, sizeof wanted, "%s %.2fx", is_rate ? "at least" : "at most", bound);
  judge(what, found, wanted, ratio == 0 ? -1 : is_rate ? ratio >= bound : ratio <= bound);
}

/* Compares the better of our rows (one message per call, and in place) with the best other row: of the peers whose
 * receiver sleeps, as ours does, or of those whose receiver polls and keeps a processor busy. */
static void judge_all(const Measure *measure, int size, bool polling, double bound) {
  const Row *ours = NULL, *nearest = NULL;
  for (int i = 0; i < row_count; i++) {
    const Row *row = &rows[i];
    if (row->measure != measure || row->size != size || row->why || row->peer->abilities & (BENCH_LIMIT | BENCH_BATCH)) continue;
    if (!(row->peer->abilities & BENCH_OURS) && !(row->peer->abilities & BENCH_POLLS) == polling) continue;
    const Row **best = row->peer->abilities & BENCH_OURS ? &ours : &nearest;
    double ratio = *best ? ratio_of(row, *best) : 0;
    if (!*best || (measure->is_rate ? ratio > 1 : ratio < 1)) *best = row;
  }
  char what[120];
  snprintf(
    what, sizeof what, "%s, %s: %s / best peer that %s (%s)", measure->key, size_names[size],
    ours ? ours->peer->name : "ours", polling ? "polls" : "blocks", nearest ? nearest->peer->name : "none");
  judge_ratio(what, ours, nearest, measure->is_rate, bound);
}

static const Growth *find_growth(int level, int kind) {
  for (int i = 0; i < growth_count; i++) {
    const Growth *growth = &growths[i];
    if (growth->peer == &our_queue && growth->level == level && growth->kind == kind && !growth->why) return growth;
  }
  return NULL;
}

void judge_everything(void) {
  char found[40], what[120];
  const Row *ours = find_row(&throughput_measure, &our_queue, 0);
  double rate = ours && !ours->why ? median_of(ours->values, ours->rounds) : 0;
  double by_kernel = ratio_of(ours, find_row(&throughput_measure, &kernel_queue, 0));
  snprintf(found, sizeof found, "%.2f M/s, %.1fx", rate / 1e6, by_kernel);
  judge(
    "throughput, 64 B: ipc_mq, and by the kernel's", rate > 0 ? found : "not measured", "6 M/s or 20x",
    rate > 0 ? rate >= 6e6 || by_kernel >= 20 : -1);
  for (int polling = 0; polling < 2; polling++) {
    for (int size = 0; size < SIZES; size++) judge_all(&throughput_measure, size, polling, 1);
  }
  judge_ratio(
    "rally, 64 B: ipc_mq / one cache line", find_row(&rally_measure, &our_queue, 0),
    find_row(&rally_measure, &cache_line, 0), false, 3);
  judge_ratio(
    "one processor, 64 B: ipc_mq / kernel mq", find_row(&one_processor_measure, &our_queue, 0),
    find_row(&one_processor_measure, &kernel_queue, 0), false, 1.2);
  judge_all(&wake_measure, 0, false, EVEN);
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
    double rise = 0, smallest = 0, last = 0;
    for (int level = 0; level < LEVELS; level++) {
      const Growth *growth = find_growth(level, kind);
      if (!growth) continue;
      double cost = median_of(growth->pair, growth->rounds);
      if (last > 0 && cost / last > rise) rise = cost / last;
      if (smallest == 0) smallest = cost;
      last = cost;
    }
    snprintf(found, sizeof found, "%.2fx, %.1fx in all", rise, rise > 0 ? last / smallest : 0);
    snprintf(
      what, sizeof what, "growth, %s: a pair with ten times as many queued, at worst",
      kind == 0 ? "one priority" : "1,000 priorities");
    judge(what, rise > 0 ? found : "not measured", "at most 3.16x", rise > 0 ? rise <= STEEPEST : -1);
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
