/* For every test program: checks, children that are waited for, and memory that parent and child share. Plain POSIX
 * programs include this header too, so it uses nothing of the library. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition) \
  ((condition) ? (void)0 : test_failed(__FILE__, __LINE__, "%s (errno: %s)", #condition, strerror(errno)))

/* Ends the test with the status that says: this machine cannot run it. */
#define SKIP(reason) \
  do { \
    printf("skipped: %s\n", (reason)); \
    exit(77); \
  } while (0)

/* Fails the test. In a child it ends the child with status 1, which FINISH reports. */
__attribute__((noreturn, format(printf, 3, 4), unused)) static void test_failed(
  const char *file, int line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s:%d: ", file, line);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  exit(1);
}

/* How often a thread has gone to sleep, or waited otherwise. */
__attribute__((unused)) static long voluntary_switches(pid_t thread) {
  char path[64], line[200];
  snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
  FILE *file = fopen(path, "re");
  CHECK(file != NULL);
  long found = -1;
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0) found = atol(line + 24);
  fclose(file);
  CHECK(found >= 0);
  return found;
}

/* Runs body(argument) in a child process. */
__attribute__((unused)) static pid_t start(void (*body)(void *), void *argument) {
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    body(argument);
    exit(0);
  }
  return child;
}

/* Waits for a child. Returns its wait status. */
__attribute__((unused)) static int wait_for(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0) CHECK(errno == EINTR);
  return status;
}

/* Waits for a child, which has to end by itself with status 0. If it ends with 77, the test ends with 77 too. */
#define FINISH(child) \
  do { \
    int status_ = wait_for(child); \
    if (WIFEXITED(status_) && WEXITSTATUS(status_) == 77) exit(77); \
    if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) \
      test_failed(__FILE__, __LINE__, "the child ended with wait status %#x", (unsigned)status_); \
  } while (0)

/* Kills a child with SIGKILL and waits for its end. */
#define KILL(child) \
  do { \
    pid_t killed_ = (child); \
    kill(killed_, SIGKILL); \
    int status_ = wait_for(killed_); \
    CHECK(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL); \
  } while (0)

/* The state of a process, or of a thread by its id, as ps shows it: 'R', 'S', 'T', 'Z' and so on. 0 if there is no
 * such process. */
__attribute__((unused)) static char state_of(pid_t process) {
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
  fclose(file);
  return state;
}

/* Whether a process, or a thread by its id, sleeps in the kernel. Fails the test if it has ended. */
__attribute__((unused)) static int is_asleep(pid_t process) {
  char state = state_of(process);
  CHECK(state != 0 && state != 'Z' && state != 'X');
  return state == 'S';
}

#ifdef __SANITIZE_ADDRESS__
/* Whether all threads of this process but the calling one sleep in the kernel. */
static int others_are_asleep(void) {
  DIR *directory = opendir("/proc/self/task");
  if (directory == NULL) return 1; /* a test without /proc: nothing is known */
  int are_asleep = 1;
  for (struct dirent *entry; are_asleep && (entry = readdir(directory)) != NULL;) {
    pid_t thread = atoi(entry->d_name);
    char state = thread == 0 || thread == gettid() ? 0 : state_of(thread);
    are_asleep = state == 0 || state == 'S';
  }
  closedir(directory);
  return are_asleep;
}

/* The allocator of AddressSanitizer is not made for a fork: a lock that another thread holds at that moment, for example
 * while it starts, stays held in the child for ever. So a fork waits until the other threads sleep; for two seconds at most,
 * because there are tests with threads that never sleep. */
static void wait_for_others(void) {
  struct timespec begin, now;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  do {
    if (others_are_asleep()) return;
    sched_yield();
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - begin.tv_sec < 2);
}

__attribute__((constructor)) static void let_fork_wait_for_others(void) { pthread_atfork(wait_for_others, NULL, NULL); }
#endif

/* Zeroed memory that this process shares with the children that it starts. It stays until the test ends. */
__attribute__((unused)) static void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

#endif
