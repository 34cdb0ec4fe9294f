/* Prints each sample of the machine's load once, in order, and ends after COUNT of them.
 *
 *   consumer NAME COUNT
 *
 * When a producer died holding the lock, it says so, repairs what the producer left, and goes on.
 * At the end it removes the name and prints: samples, recoveries, torn samples.
 */
#include "sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(void) {
  fprintf(stderr, "consumer: %s\n", ipc_last_error());
  return EXIT_FAILURE;
}

/* Handles the result of a lock or a wait. After IPC_OWNER_DIED it discards the dead owner's sample. */
static int repaired(Load *load, int result) {
  if (result != IPC_OWNER_DIED) return result;
  uint64_t number = load->published + 1;
  const Sample *sample = &load->slots[number % SAMPLE_SLOTS];
  printf(
    "the producer died holding the lock; sample %llu is half-written (%s): thrown away\n",
    (unsigned long long)number,
    sample->number == number && sample->check != sample_check(sample) ? "begun, not finished"
                                                                      : "not begun");
  return load_repair(load);
}

int main(int argc, char *argv[]) {
  if (argc != 3) {
    fprintf(stderr, "usage: consumer NAME COUNT\n");
    return EXIT_FAILURE;
  }
  const char *name = argv[1];
  uint64_t count = strtoull(argv[2], NULL, 10);
  setvbuf(stdout, NULL, _IOLBF, 0);

  ipc_shm_t *shm;
  int result =
    ipc_shm_open_typed_init(&shm, name, &load_type, IPC_CREATE, 0600, load_init, NULL);
  if (result < 0) return fail();
  Load *load = ipc_shm_data(shm);

  uint64_t printed = 0, torn = 0, missed = 0;
  while (printed + missed < count) {
    if (repaired(load, ipc_mutex_lock(&load->mutex, IPC_FOREVER)) < 0) return fail();
    while (load->published == printed + missed) {
      result = repaired(load, ipc_cond_wait(&load->changed, &load->mutex, INT64_C(10000000000)));
      if (result < 0 && result != -EINTR) return fail();
    }
    /* Copied under the lock, printed outside it: the producer never waits for a terminal. */
    uint64_t newest = load->published, next = printed + missed + 1;
    if (newest - next >= SAMPLE_SLOTS) {
      missed += newest - next - SAMPLE_SLOTS + 1;
      next = newest - SAMPLE_SLOTS + 1;
    }
    Sample samples[SAMPLE_SLOTS];
    size_t ready = 0;
    for (; next <= newest; next++) samples[ready++] = load->slots[next % SAMPLE_SLOTS];
    if (ipc_mutex_unlock(&load->mutex) < 0) return fail();

    for (size_t i = 0; i < ready; i++) {
      const Sample *sample = &samples[i];
      if (sample->check != sample_check(sample) || sample->number != printed + missed + 1) torn++;
      printf(
        "sample %llu: processors %.1f %% busy, %llu KiB of memory available\n",
        (unsigned long long)sample->number, sample->cpu_percent,
        (unsigned long long)sample->memory_kib);
      printed++;
    }
  }

  uint64_t recoveries = load->recoveries;
  if (ipc_shm_close(shm) < 0 || ipc_shm_unlink(name) < 0) return fail();
  printf(
    "samples: %llu, recoveries: %llu, torn samples: %llu, missed samples: %llu\n",
    (unsigned long long)printed, (unsigned long long)recoveries, (unsigned long long)torn,
    (unsigned long long)missed);
  return torn == 0 && missed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
