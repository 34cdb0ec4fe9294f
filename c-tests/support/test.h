/* For every C test: checks that report the value they found, names that are cleaned up, and ways to wait for another
 * process.
 *
 * A test is one program for one behaviour. It ends with status 0 if all is well, with 77 if this machine cannot run
 * it, and with 1 if a check failed. It names its objects with unique_name(), so tests can run side by side, and the
 * names are removed even if a check fails. */
#ifndef TEST_H
#define TEST_H

#include "children.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <robustipc.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

/* Long enough for any machine: a wait that lasts this long has failed. run.sh allows a test more than that. */
#define PATIENCE (100 * SECOND)

#ifdef __GLIBC__
#define IS_MUSL 0
#else
#define IS_MUSL 1
#endif

/* Checks a number. If it is a result of the library, a failure says what the result means. */
#define CHECK_EQUAL(found, expected) \
  test_check_equal(__FILE__, __LINE__, #found, (long long)(found), (long long)(expected))

/* Checks that the text of ipc_last_error() contains `part`. */
#define CHECK_LAST_ERROR(part) \
  (strstr(ipc_last_error(), (part)) != NULL \
     ? (void)0 \
     : test_failed(__FILE__, __LINE__, "the last error says \"%s\", not \"%s\"", ipc_last_error(), (part)))

/* Checks a result, and that the text of ipc_last_error() contains `part`. */
#define CHECK_FAILS(call, expected, part) \
  do { \
    CHECK_EQUAL((call), (expected)); \
    CHECK_LAST_ERROR(part); \
  } while (0)

/* Whether valgrind runs this program. It is then some fifty times slower, on a simulated processor. */
__attribute__((unused)) static int is_under_valgrind(void) { return getenv("TEST_TOOL") != NULL; }

/* Ends a test that stops a process after single instructions. armv7 and riscv64 have no such step (PTRACE_SINGLESTEP). On
 * aarch64, a step between the two halves of an atomic operation makes the second half fail, again and again. */
#if defined __x86_64__ || defined __i386__
#define SKIP_WITHOUT_STEPS()
#else
#define SKIP_WITHOUT_STEPS() SKIP("stepping through atomic operations needs x86")
#endif

/* Ends a test whose result a tool of make check-all would change: the test watches single instructions, counts
 * allocations, or uses a system call that the tool does not know. */
#define SKIP_UNDER_VALGRIND(reason) \
  do { \
    if (is_under_valgrind()) SKIP("under valgrind: " reason); \
  } while (0)
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define UNDER_SANITIZERS 1
#define SKIP_UNDER_SANITIZERS(reason) SKIP("under the sanitizers: " reason)
#else
#define UNDER_SANITIZERS 0
#define SKIP_UNDER_SANITIZERS(reason) ((void)0)
#endif

#ifdef __SANITIZE_THREAD__
#define SKIP_UNDER_THREAD_SANITIZER(reason) SKIP("under ThreadSanitizer: " reason)
#else
#define SKIP_UNDER_THREAD_SANITIZER(reason) ((void)0)
#endif

static char test_names[32][64];
static int test_name_count;
/* The process that has the names from this one on. Those before it are its parent's. */
static int test_first_name;
static pid_t test_pid;

static inline void test_remove_names(void) {
  if (getpid() != test_pid) return; /* a child leaves them to its parent */
  for (int i = test_first_name; i < test_name_count; i++) {
    (void)ipc_topic_unlink(test_names[i]); /* a topic has a second file; other objects are refused */
    shm_unlink(test_names[i]);
  }
}

__attribute__((unused)) static void test_check_equal(
  const char *file, int line, const char *text, long long found, long long expected) {
  if (found == expected) return;
  test_failed(
    file, line, "%s: expected %lld (%s), found %lld (%s); last error: %s", text, expected,
    expected < 0 && expected > -4096 ? ipc_strerror((int)expected) : "a value", found,
    found < 0 && found > -4096 ? ipc_strerror((int)found) : "a value", ipc_last_error());
}

/* A name that no other running test has. The end of the process that asks for it removes it, also if a check fails; the
 * text is valid until then. */
__attribute__((unused)) static const char *unique_name(const char *suffix) {
  if (test_pid == 0) atexit(test_remove_names); /* a child inherits it */
  if (test_pid != getpid()) {
    test_pid = getpid();
    test_first_name = test_name_count;
  }
  CHECK(test_name_count < 32);
  char *name = test_names[test_name_count++];
  snprintf(name, sizeof test_names[0], "/ripc-test-%d-%s", (int)getpid(), suffix);
  return name;
}

/* The monotonic clock, in nanoseconds. */
__attribute__((unused)) static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

/* Of two system calls that the library uses for one wait, the one that tests name: 32-bit machines have a second
 * one of each kind, with times of 64 bits, and i386 has one call for all of System V, whose first argument says what
 * to do. */
__attribute__((unused)) static long usual_call(long number, unsigned long first) {
#if __SIZEOF_POINTER__ == 4
#ifndef SYS_semtimedop
#define SYS_semtimedop 420
#endif
  switch (number) {
    case 413: return SYS_pselect6;
    case 414: return SYS_ppoll;
    case 418: return SYS_mq_timedsend;
    case 419: return SYS_mq_timedreceive;
    case 420: return SYS_semtimedop;
    case 421: return SYS_rt_sigtimedwait;
    case 422: return SYS_futex;
  }
#ifdef SYS_ipc
  if (number == SYS_ipc) {
    switch (first & 0xffff) {
      case 1: /* SEMOP */
      case 4: return SYS_semtimedop;
      case 11: return SYS_msgsnd;
      case 12: return SYS_msgrcv;
    }
  }
#endif
#endif
  (void)first;
#ifdef SYS_poll
  if (number == SYS_poll) return SYS_ppoll;
#endif
#ifdef SYS_epoll_wait
  if (number == SYS_epoll_pwait) return SYS_epoll_wait;
#endif
  return number;
}

/* Whether a 32-bit test has started a program of 64 bits: x86-64 numbers its system calls in another way. */
__attribute__((unused)) static int runs_64_bit_program(pid_t process) {
#ifdef __i386__
  char path[64];
  unsigned char start[5] = { 0 };
  snprintf(path, sizeof path, "/proc/%d/exe", (int)process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int is_64_bit = file >= 0 && read(file, start, sizeof start) == sizeof start && start[4] == 2; /* ELFCLASS64 */
  if (file >= 0) close(file);
  return is_64_bit;
#else
  (void)process;
  return 0;
#endif
}

/* The number of the system call in which a thread, of this process or of a child, sleeps. -1 if it does not sleep. */
__attribute__((unused)) static long system_call_of(pid_t thread) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/syscall", (int)thread);
  for (int attempt = 0; attempt < 1000; attempt++, sched_yield()) {
    FILE *file = fopen(path, "r");
    if (file != NULL) {
      long number = -1;
      unsigned long first = 0;
      int is_read = fscanf(file, "%ld %lx", &number, &first) >= 1 || !ferror(file); /* the text may be "running" */
      fclose(file);
      if (is_read && number == 0 && runs_64_bit_program(thread)) return SYS_read;
      if (is_read) return usual_call(number, first);
    }
    /* Only root may ask what a process without memory does: one that has ended, or one whose main thread has ended
     * while another thread calls exec. */
    char state = state_of(thread);
    if (state == 0 || state == 'Z' || state == 'X') return -1;
  }
  SKIP("/proc/PID/syscall cannot be read here");
}

/* Whether a thread, of this process or of a child, sleeps in the system call `number`, for example SYS_futex. After something
 * has interrupted a sleep with a time (io_uring does so when a request ends), the kernel goes on with it under another number. */
__attribute__((unused)) static int is_inside(pid_t thread, long number) {
  long found = system_call_of(thread);
  return found == number || found == SYS_restart_syscall;
}

/* Waits until a thread sleeps in the system call `number`. */
__attribute__((unused)) static void wait_until_inside(pid_t thread, long number) {
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield())
    if (is_inside(thread, number)) return;
  test_failed(__FILE__, __LINE__, "thread %d does not sleep in system call %ld", (int)thread, number);
}

/* Waits until a process, or a thread by its id, sleeps in the kernel. Use it only where the call in question is the
 * first one in which the process can sleep. */
__attribute__((unused)) static void wait_until_asleep(pid_t process) {
  for (int64_t end = now_ns() + PATIENCE; now_ns() < end; sched_yield())
    if (is_asleep(process)) return;
  test_failed(__FILE__, __LINE__, "process %d does not go to sleep", (int)process);
}

/* Lets the parent trace this process. SIGCHLD is blocked: the end of a child would stop this process once more, at any
 * moment. */
__attribute__((unused)) static void be_traced(void) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
  CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

/* How many descriptors this process has open. A test compares the number before with the number after. */
__attribute__((unused)) static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  CHECK(directory != NULL);
  int count = 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

#endif
