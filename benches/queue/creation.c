/* Measures the time and the shared memory that the creation of a queue takes. */
#include "driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

const int slot_counts[CREATIONS] = { 10, 1000, 1000000 };

Creation creations[PEERS_MAX];
int creation_count;

/* The shared memory in files whose names contain `name`. */
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

void measure_creation(void) {
  for (int i = 0; i < peer_count; i++) {
    if (!(peers[i]->abilities & BENCH_FILE)) continue;
    creations[creation_count++].peer = peers[i];
  }
  for (int slots = 0; slots < CREATIONS - is_quick; slots++) {
    double times[PEERS_MAX][ROUNDS];
    for (int round = 0; round < FEW_ROUNDS; round++) {
      for (int i = 0; i < creation_count; i++) {
        Creation *creation = &creations[round % 2 ? creation_count - 1 - i : i];
        char name[64];
        snprintf(name, sizeof name, "ripc-bench-%d-creation", (int)getpid());
        bench_job_t job = BENCH_JOB(.name = name, .size = 64, .depth = (size_t)slot_counts[slots]);
        double begin = bench_now_ns();
        void *queue = creation->peer->create(&job, &creation->why[slots]);
        times[creation - creations][round] = bench_now_ns() - begin;
        if (!queue) continue;
        creation->bytes[slots] = bytes_of(name);
        creation->peer->destroy(queue);
      }
    }
    for (int i = 0; i < creation_count; i++) creations[i].time_ns[slots] = bench_median(times[i], FEW_ROUNDS);
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
