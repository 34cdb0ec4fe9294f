/* Eight processes create, open, lock, write, unlock and unlink the same names while they are killed
 * at random: nobody is stuck, nothing is torn, and no descriptor, mapping or name is leaked.
 *
 *   storm [SEED [KILLS]] */
#include "test.h"
#include <dirent.h>
#include <poll.h>

enum { WORKERS = 8, NAMES = 3, WORDS = 24 };

typedef struct {
  ipc_mutex_t mutex;
  uint64_t words[WORDS], sum, versions;
} Payload;

static const ipc_type_t type = IPC_TYPE_FIELDS(Payload, 1, mutex, words, sum, versions);

typedef struct {
  volatile int stop;
  uint64_t writes[WORKERS], deaths[WORKERS], created[WORKERS];
} Shared;

static Shared *shared;
static uint64_t state, seed;

static uint64_t chance(uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % below;
}

static uint64_t sum_of(const Payload *payload) {
  uint64_t sum = payload->versions;
  for (int i = 0; i < WORDS; i++) sum = sum * 31 + payload->words[i];
  return sum;
}

static int mappings_of_objects(void) {
  int count = 0;
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) count += strstr(line, "/dev/shm/ripc") != NULL;
  fclose(maps);
  return count;
}

static int initialise(void *data, void *context) {
  Payload *payload = data;
  (void)context;
  CHECK_EQUAL(ipc_mutex_init(&payload->mutex, NULL), 0);
  payload->sum = sum_of(payload);
  return 0;
}

static void worker(void *argument) {
  int self = (int)(intptr_t)argument;
  int descriptors = open_descriptors();
  state = (seed + (uint64_t)getpid()) * 0x9e3779b97f4a7c15u | 1;
  while (!shared->stop) {
    const char *name = test_names[chance(NAMES)];
    ipc_shm_t *shm;
    int result = ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, initialise, NULL);
    if (result == IPC_CREATED) shared->created[self]++;
    else CHECK_EQUAL(result, IPC_OPENED);
    Payload *payload = ipc_shm_data(shm);
    for (int round = 0; round < 4; round++) {
      result = ipc_mutex_lock(&payload->mutex, PATIENCE);
      if (result == IPC_OWNER_DIED) {
        shared->deaths[self]++;
        memset(payload->words, 0, sizeof payload->words);
        payload->sum = sum_of(payload);
        CHECK_EQUAL(ipc_mutex_consistent(&payload->mutex), 0);
      } else {
        CHECK_EQUAL(result, 0);
      }
      if (payload->sum != sum_of(payload))
        test_failed(__FILE__, __LINE__, "a torn payload in %s, last lock %d", name, result);
      payload->versions++;
      for (int i = 0; i < WORDS; i++) ((volatile uint64_t *)payload->words)[i] = chance(UINT64_MAX);
      if (chance(16) == 0) sched_yield();
      payload->sum = sum_of(payload);
      CHECK_EQUAL(ipc_mutex_unlock(&payload->mutex), 0);
      shared->writes[self]++;
    }
    if (chance(8) == 0) {
      result = ipc_shm_unlink(name);
      if (result != -ENOENT) CHECK_EQUAL(result, 0);
    }
    CHECK_EQUAL(ipc_shm_close(shm), 0);
  }
  CHECK_EQUAL(open_descriptors(), descriptors);
  CHECK_EQUAL(mappings_of_objects(), 0);
}

int main(int argument_count, char **arguments) {
  seed = argument_count > 1 ? strtoull(arguments[1], NULL, 0) : (uint64_t)now_ns();
  int kills = argument_count > 2 ? atoi(arguments[2]) : is_under_valgrind() ? 10 : 200;
  printf("seed %" PRIu64 "\n", seed);
  state = seed * 0x9e3779b97f4a7c15u | 1;
  unique_name("storm-a"), unique_name("storm-b"), unique_name("storm-c");
  shared = shared_memory(sizeof *shared);
  pid_t workers[WORKERS];
  for (int i = 0; i < WORKERS; i++) workers[i] = start(worker, (void *)(intptr_t)i);

  for (int i = 0; i < kills; i++) {
    int victim = (int)chance(WORKERS);
    /* Kills the victim at a random point after some of its work, never before it has begun. */
    uint64_t until = shared->writes[victim] + 1 + chance(40);
    int64_t limit = now_ns() + 3 * PATIENCE;
    while (*(volatile uint64_t *)&shared->writes[victim] < until) {
      int status;
      if (waitpid(workers[victim], &status, WNOHANG) != 0)
        test_failed(__FILE__, __LINE__, "worker %d ended by itself: %#x", victim, status);
      if (now_ns() > limit) test_failed(__FILE__, __LINE__, "worker %d is stuck", victim);
      sched_yield();
    }
    kill(workers[victim], SIGKILL);
    int status = wait_for(workers[victim]);
    if (!WIFSIGNALED(status))
      test_failed(__FILE__, __LINE__, "worker %d ended by itself: %#x", victim, status);
    workers[victim] = start(worker, (void *)(intptr_t)victim);
  }
  shared->stop = 1;
  uint64_t writes = 0, deaths = 0, created = 0;
  for (int i = 0; i < WORKERS; i++) {
    struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, workers[i], 0), .events = POLLIN };
    if (ended.fd >= 0) CHECK_EQUAL(poll(&ended, 1, (int)(2 * PATIENCE / MILLISECOND)), 1);
    FINISH(workers[i]);
    writes += shared->writes[i];
    deaths += shared->deaths[i];
    created += shared->created[i];
  }
  printf(
    "%d kills, %" PRIu64 " writes, %" PRIu64 " dead owners, %" PRIu64 " objects\n", kills, writes,
    deaths, created);
  CHECK(created > NAMES);
  /* Killed creators leave no unnamed file and no half-made object: each name leads to a complete object. */
  for (int i = 0; i < NAMES; i++) {
    ipc_shm_t *shm;
    int result = ipc_shm_open_typed(&shm, test_names[i], &type, 0, 0);
    if (result == -ENOENT) continue;
    CHECK_EQUAL(result, IPC_OPENED);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
  }
  return 0;
}
