/* Locks and opening, compared with libc's. The ratio is the library's time divided by libc's, so a value below 1 is
 * faster. Two processes run pinned to two processors. */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

/* Contention settles only after many hand-overs, so it gets more of them. */
enum { OPERATIONS = 100000, CONTENDED = 1000000 };

typedef struct {
  ipc_mutex_t ours;
  char gap_1[64];
  pthread_mutex_t theirs;
  char gap_2[64];
  ipc_sem_t our_sem;
  char gap_3[64];
  sem_t their_sem;
  char gap_4[64];
  unsigned long counter;
  int go, ready;
} Shared;

static Shared *shared;

static void our_section(void) {
  REQUIRE(ipc_mutex_lock(&shared->ours, IPC_FOREVER) == 0);
  shared->counter++;
  ipc_mutex_unlock(&shared->ours);
}

static void their_section(void) {
  REQUIRE(pthread_mutex_lock(&shared->theirs) == 0);
  shared->counter++;
  pthread_mutex_unlock(&shared->theirs);
}

static double our_mutex(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    ipc_mutex_lock(&shared->ours, IPC_FOREVER);
    ipc_mutex_unlock(&shared->ours);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

static double their_mutex(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    pthread_mutex_lock(&shared->theirs);
    pthread_mutex_unlock(&shared->theirs);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

static double our_sem(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    ipc_sem_post(&shared->our_sem);
    ipc_sem_wait(&shared->our_sem, IPC_FOREVER);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

static double their_sem(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    sem_post(&shared->their_sem);
    sem_wait(&shared->their_sem);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

/* Two processes that lock, count and unlock as fast as they can. */
static double contend(void (*section)(void)) {
  shared->counter = 0;
  __atomic_store_n(&shared->go, 0, __ATOMIC_SEQ_CST);
  pid_t child = fork();
  REQUIRE(child >= 0);
  bench_pin(child == 0);
  __atomic_add_fetch(&shared->go, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&shared->go, __ATOMIC_SEQ_CST) < 2) sched_yield();
  double start = bench_now_ns();
  for (int i = 0; i < CONTENDED; i++) section();
  if (child == 0) _exit(0);
  int status;
  REQUIRE(waitpid(child, &status, 0) == child && status == 0);
  double time = bench_now_ns() - start;
  REQUIRE(shared->counter == 2 * CONTENDED);
  return time / (2 * CONTENDED);
}

static double our_contention(void) { return contend(our_section); }
static double their_contention(void) { return contend(their_section); }

typedef struct {
  double values[64];
} Data;

static const ipc_type_t data_type = IPC_TYPE_FIELDS(Data, 1, values);
/* Two names, because their ftruncate would cut off our record. */
static char name[64], plain_name[64];
enum { OPENINGS = 300 };

static double our_open(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPENINGS; i++) {
    ipc_shm_t *shm;
    REQUIRE(ipc_shm_open_typed(&shm, name, &data_type, IPC_CREATE, 0600) >= 0);
    ((Data *)ipc_shm_data(shm))->values[0] = 1;
    ipc_shm_close(shm);
  }
  return (bench_now_ns() - start) / OPENINGS;
}

static double their_open(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPENINGS; i++) {
    int fd = shm_open(plain_name, O_CREAT | O_RDWR, 0600);
    REQUIRE(fd >= 0 && ftruncate(fd, sizeof(Data)) == 0);
    Data *data = mmap(NULL, sizeof(Data), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(data != MAP_FAILED);
    data->values[0] = 1;
    munmap(data, sizeof(Data));
    close(fd);
  }
  return (bench_now_ns() - start) / OPENINGS;
}

static double our_create(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPENINGS; i++) {
    ipc_shm_t *shm;
    REQUIRE(ipc_shm_open_typed(&shm, name, &data_type, IPC_CREATE, 0600) == IPC_CREATED);
    ((Data *)ipc_shm_data(shm))->values[0] = 1;
    ipc_shm_close(shm);
    ipc_shm_unlink(name);
  }
  return (bench_now_ns() - start) / OPENINGS;
}

static double their_create(void) {
  double start = bench_now_ns();
  for (int i = 0; i < OPENINGS; i++) {
    int fd = shm_open(plain_name, O_CREAT | O_EXCL | O_RDWR, 0600);
    REQUIRE(fd >= 0 && ftruncate(fd, sizeof(Data)) == 0);
    Data *data = mmap(NULL, sizeof(Data), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(data != MAP_FAILED);
    data->values[0] = 1;
    munmap(data, sizeof(Data));
    close(fd);
    shm_unlink(plain_name);
  }
  return (bench_now_ns() - start) / OPENINGS;
}

int main(void) {
  shared = bench_shared(sizeof *shared);
  REQUIRE(ipc_mutex_init(&shared->ours, NULL) == 0);
  REQUIRE(ipc_sem_init(&shared->our_sem, 0) == 0);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  REQUIRE(pthread_mutex_init(&shared->theirs, &attributes) == 0);
  REQUIRE(sem_init(&shared->their_sem, 1, 0) == 0);
  snprintf(name, sizeof name, "/ripc-bench-%d", (int)getpid());
  snprintf(plain_name, sizeof plain_name, "/ripc-bench-%d-plain", (int)getpid());

  puts("Locks and opening: the library against libc (ratio below 1: the library is faster)");
  bench_pin(0);
  const char *robust = "robust pthread mutex";
  bench_row("mutex lock + unlock, uncontended", robust, our_mutex, their_mutex);
  bench_row("mutex, two processes contending", robust, our_contention, their_contention);
  bench_row("semaphore post + wait, uncontended", "sem_t", our_sem, their_sem);
  const char *plain = "shm_open + ftruncate + mmap + close";
  bench_row("typed create + close + unlink", plain, our_create, their_create);
  bench_row("typed open + close of an existing object", plain, our_open, their_open);
  REQUIRE(shm_unlink(name) == 0 && shm_unlink(plain_name) == 0);
  return 0;
}
