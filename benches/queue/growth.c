/* Measures the cost of a message while more and more other messages are queued. */
#include "driver.h"

const int levels[LEVELS] = { 10, 100, 1000, 10000, 100000, 1000000 };
const unsigned kinds[KINDS] = { 1, 1000 };

Growth growths[PEERS_MAX * LEVELS * KINDS];
int growth_count;
static unsigned priorities;

/* All peers get these priorities. */
static unsigned next_priority(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)((*state >> 33) % priorities);
}

/* The longest time for filling a queue. After it, the measurement is given up. */
static const double growth_limit_ns = 2e9;

/* One thread alone never waits here. So its processor time is the cost, whatever else runs on the machine. */
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

void measure_growth(void) {
  int level_count = is_quick ? 4 : LEVELS;
  for (int kind = 0; kind < KINDS; kind++) {
    for (int level = 0; level < level_count; level++) {
      Growth *first = &growths[growth_count];
      for (int i = 0; i < peer_count; i++) {
        if (!(peers[i]->abilities & BENCH_PRIORITIES)) continue;
        growths[growth_count++] = (Growth) { .peer = peers[i], .level = level, .kind = kind };
      }
      int number = (int)(&growths[growth_count] - first);
      for (int round = 0; round < FEW_ROUNDS; round++) {
        for (int step = 0; step < number; step++) {
          Growth *growth = &first[round % 2 ? number - 1 - step : step];
          if (growth->why) continue;
          char name[64];
          snprintf(name, sizeof name, "ripc-bench-%d-growth", (int)getpid());
          bench_job_t job = BENCH_JOB(.name = name, .size = 64, .depth = (size_t)levels[level] + 16);
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
