/* Samples this machine's load every 100 ms into shared memory, until SIGTERM.
 *
 *   producer NAME [STOP_AT]
 *
 * With STOP_AT it stops itself (SIGSTOP) when sample STOP_AT is half-written and the lock is held, so
 * that the demonstration can kill it at exactly that point. A new producer goes on with the next number.
 */
#include "sample.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t finished;

static void finish(int signal) {
  (void)signal;
  finished = 1;
}

static int fail(void) {
  fprintf(stderr, "producer: %s\n", ipc_last_error());
  return EXIT_FAILURE;
}

/* Busy and total time of all processors since the start, in clock ticks. */
static int read_cpu(uint64_t *busy, uint64_t *total) {
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return -1;
  unsigned long long t[8];
  int count = fscanf(
    file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
    &t[6], &t[7]);
  fclose(file);
  if (count != 8) return -1;
  *total = 0;
  for (int i = 0; i < 8; i++) *total += t[i];
  *busy = *total - t[3] - t[4]; /* all but idle and waiting for input and output */
  return 0;
}

static int read_memory(uint64_t *available_kib) {
  FILE *file = fopen("/proc/meminfo", "r");
  if (file == NULL) return -1;
  char line[128];
  int found = 0;
  while (!found && fgets(line, sizeof line, file) != NULL) {
    unsigned long long kib;
    found = sscanf(line, "MemAvailable: %llu kB", &kib) == 1;
    if (found) *available_kib = kib;
  }
  fclose(file);
  return found ? 0 : -1;
}

int main(int argc, char *argv[]) {
  if (argc < 2) {
    fprintf(stderr, "usage: producer NAME [STOP_AT]\n");
    return EXIT_FAILURE;
  }
  uint64_t stop_at = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

  struct sigaction action = {.sa_handler = finish};
  sigaction(SIGTERM, &action, NULL);

  ipc_shm_t *shm;
  int result = ipc_shm_open_typed_init(
    &shm, argv[1], &load_type, IPC_CREATE, 0600, load_init, NULL);
  if (result < 0) return fail();
  Load *load = ipc_shm_data(shm);

  uint64_t busy = 0, total = 0;
  if (read_cpu(&busy, &total) != 0) {
    perror("producer: /proc/stat");
    return EXIT_FAILURE;
  }
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  while (!finished) {
    next.tv_nsec += 100000000;
    if (next.tv_nsec >= 1000000000) next.tv_sec++, next.tv_nsec -= 1000000000;
    if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) != 0) continue;

    uint64_t busy_before = busy, total_before = total, memory_kib;
    if (read_cpu(&busy, &total) != 0 || read_memory(&memory_kib) != 0) {
      perror("producer: /proc");
      return EXIT_FAILURE;
    }
    uint64_t ticks = total > total_before ? total - total_before : 1;

    result = ipc_mutex_lock(&load->mutex, IPC_FOREVER);
    if (result == IPC_OWNER_DIED) result = load_repair(load);
    if (result < 0) return fail();

    Sample *sample = &load->slots[(load->published + 1) % SAMPLE_SLOTS];
    sample->number = load->published + 1;
    sample->cpu_percent = 100.0 * (double)(busy - busy_before) / (double)ticks;
    if (sample->number == stop_at) raise(SIGSTOP);
    sample->memory_kib = memory_kib;
    sample->check = sample_check(sample);
    load->published = sample->number;

    if (ipc_cond_signal(&load->changed) < 0 || ipc_mutex_unlock(&load->mutex) < 0) return fail();
  }
  return ipc_shm_close(shm) < 0 ? fail() : EXIT_SUCCESS;
}
