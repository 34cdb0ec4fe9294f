/* Starts the processes of a run, lets them meet, and waits until they end. */
#include "driver.h"

#include <signal.h>
#include <sys/resource.h>

Shared *shared;
const bench_peer_t *peer;
void *queues[2];
int count;

uint64_t now_ns(void) { return (uint64_t)bench_now_ns(); }

void arrive(int step) { atomic_fetch_add(&shared->arrived[step], 1); }

void wait_for(int step, int processes) {
  while (atomic_load(&shared->arrived[step]) < processes) sched_yield();
}

/* The last process to arrive starts the run. */
void meet(int step, int processes) {
  if (step == GO && atomic_load(&shared->arrived[step]) == processes - 1) atomic_store(&shared->begin_ns, now_ns());
  arrive(step);
  wait_for(step, processes);
}

void finish(void) {
  uint64_t end = now_ns(), latest = atomic_load(&shared->end_ns);
  while (latest < end && !atomic_compare_exchange_weak(&shared->end_ns, &latest, end)) {}
}

uint64_t sleeps_so_far(void) {
  struct rusage usage;
  REQUIRE(getrusage(RUSAGE_SELF, &usage) == 0);
  return (uint64_t)usage.ru_nvcsw;
}

/* Binds the process to both of the processors that the benchmark uses. */
void use_both_processors(void) {
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

/* Runs `role` in so many processes. False: one of them failed, or none made progress for PATIENCE_SECONDS. */
bool run_processes(int processes, void (*role)(int number)) {
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

void receive_in_order(void *queue, uint64_t expected) {
  uint64_t value = peer->receive(queue);
  if (value != expected) {
    fprintf(stderr, "%s: message %llu came in place of %llu\n", peer->name, (unsigned long long)value, (unsigned long long)expected);
    exit(1);
  }
}

void flush(void *queue) {
  if (peer->flush) peer->flush(queue);
}
