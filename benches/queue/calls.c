/* Counts system calls with ptrace, and allocations with functions that replace malloc and the like. */
#include "driver.h"

#include <signal.h>
#include <sys/ptrace.h>

static bool counts_allocations;
static long allocations;

#ifdef __GLIBC__
/* glibc lets a program replace these functions, and the program's functions also serve the libraries that it loads. */
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

Calls calls[PEERS_MAX];
int calls_count;

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
    /* Two stops for each call. The child has not left the call with which it stopped itself. */
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
  /* The calls with which the child stops itself do not count. */
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

void measure_calls(void) {
  puts("\nSystem calls and allocations of one thread for a pair of send and receive at 64 B, when nobody sleeps");
  for (int i = 0; i < peer_count; i++) {
    if (!takes_part(&alone_measure, peers[i])) continue;
    Calls *row = &calls[calls_count++];
    char name[64];
    snprintf(name, sizeof name, "ripc-bench-%d-calls", (int)getpid());
    bench_job_t job = BENCH_JOB(.name = name, .size = 64, .depth = 64);
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
