/* The support for the conformance tests. These are plain POSIX programs that include <mqueue.h> and not the library's
 * header. So the same binary runs on the kernel's queues and, with the library preloaded, on the library's. A test must
 * not depend on whose queues they are: it does not read /dev/mqueue or /dev/shm, makes no system call by number, and
 * relies on no limit of the kernel.
 *
 * A program holds the tests of one page. Without arguments it prints their names. With a name it runs that test, and
 * ends with 0 if the test passes, 77 if this machine cannot run it, 1 if a check failed.
 */
#ifndef POSIX_H
#define POSIX_H

#include "../support/children.h"

#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* The size in bytes of a message, and of the buffers that receive one. It is small because RLIMIT_MSGQUEUE counts the
 * kernel's queues of all the user's processes together. */
#define SIZE 64

/* Long enough for any machine: a wait that takes longer has failed. */
#define PATIENCE_SECONDS 20

/* The account without privileges that tests become if root runs them. */
#define NOBODY 65534

#define CHECK_EQUAL(found, expected) \
  test_check_equal(__FILE__, __LINE__, #found, (long long)(found), (long long)(expected))

/* Checks that a call returns -1 and sets errno to the expected number. */
#define CHECK_FAILS(call, expected) \
  do { \
    errno = 0; \
    long long found_ = (long long)(call); \
    test_check_failure(__FILE__, __LINE__, #call, found_, errno, (expected)); \
  } while (0)

__attribute__((unused)) static void test_check_equal(
  const char *file, int line, const char *text, long long found, long long expected) {
  int number = errno;
  if (found != expected)
    test_failed(file, line, "%s: expected %lld, found %lld (errno: %s)", text, expected, found, strerror(number));
}

__attribute__((unused)) static void test_check_failure(
  const char *file, int line, const char *text, long long found, int number, int expected) {
  if (found != -1) test_failed(file, line, "%s: expected -1 (%s), found %lld", text, strerror(expected), found);
  if (number != expected)
    test_failed(file, line, "%s: expected errno \"%s\", found \"%s\"", text, strerror(expected), strerror(number));
}

/* The tests of this program. Each test adds itself to the list. */
static struct {
  const char *name;
  void (*run)(void);
} test_list[64];
static int test_count;

__attribute__((unused)) static void test_register(const char *name, void (*run)(void)) {
  if (test_count == (int)(sizeof test_list / sizeof test_list[0])) abort();
  test_list[test_count].name = name;
  test_list[test_count++].run = run;
}

#define TEST(name) \
  static void name(void); \
  __attribute__((constructor)) static void test_register_##name(void) { test_register(#name, name); } \
  static void name(void)

static char test_names[8][32];
static int test_name_count;
static pid_t test_pid;
/* The thread that has announced that it is about to block. Shared with the children. */
static _Atomic pid_t *test_about_to_block;
static char **test_arguments;

static void test_remove_names(void) {
  if (getpid() != test_pid) return; /* a child that exits leaves the names to its parent */
  for (int i = 0; i < test_name_count; i++) mq_unlink(test_names[i]);
}

/* A program whose tests execute a copy of it defines PROGRAM_ROLE, the function that the copy runs. */
#ifdef PROGRAM_ROLE
static void PROGRAM_ROLE(char **arguments);
#endif

int main(int argc, char **argv) {
  test_arguments = argv;
  if (argc == 1) {
    for (int i = 0; i < test_count; i++) puts(test_list[i].name);
    return 0;
  }
  void *memory = mmap(NULL, sizeof *test_about_to_block, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  test_about_to_block = memory;
#ifdef PROGRAM_ROLE
  if (strcmp(argv[1], "--role") == 0) {
    PROGRAM_ROLE(argv + 2);
    return 0;
  }
#endif
  /* If permitted, the test gets kernel queues of its own, which end with it even if it is killed. */
  (void)!unshare(CLONE_NEWIPC);
  test_pid = getpid();
  atexit(test_remove_names);
  for (int i = 0; i < test_count; i++)
    if (strcmp(argv[1], test_list[i].name) == 0) {
      test_list[i].run();
      return 0;
    }
  fprintf(stderr, "%s: no test of the name %s\n", argv[0], argv[1]);
  return 1;
}

/* A name that no other running test uses. It is removed when the test ends. */
__attribute__((unused)) static const char *unique_name(void) {
  CHECK(test_name_count < 8);
  char *name = test_names[test_name_count];
  snprintf(name, sizeof test_names[0], "/ripc-test-%d-%d", (int)test_pid, test_name_count++);
  return name;
}

__attribute__((unused)) static struct timespec clock_in(clockid_t clock, long seconds) {
  struct timespec time;
  clock_gettime(clock, &time);
  time.tv_sec += seconds;
  return time;
}
/* Absolute times for the timed calls. */
#define DEADLINE (&(struct timespec[]){ clock_in(CLOCK_REALTIME, PATIENCE_SECONDS) }[0])
#define PAST (&(struct timespec[]){ clock_in(CLOCK_REALTIME, -1) }[0])

__attribute__((unused)) static int is_over(const struct timespec *time) {
  struct timespec now = clock_in(CLOCK_REALTIME, 0);
  return now.tv_sec > time->tv_sec || (now.tv_sec == time->tv_sec && now.tv_nsec >= time->tv_nsec);
}

/* Waits until another thread or process has made the condition true. */
#define AWAIT(condition) \
  do { \
    struct timespec end_ = clock_in(CLOCK_REALTIME, PATIENCE_SECONDS); \
    while (!(condition)) { \
      if (is_over(&end_)) test_failed(__FILE__, __LINE__, "waited in vain for: %s", #condition); \
      sched_yield(); \
    } \
  } while (0)

/* Creates a queue. Waits while other programs of this user use up RLIMIT_MSGQUEUE. */
__attribute__((unused)) static mqd_t create_with(
  const char *name, int flags, mode_t mode, const struct mq_attr *attr) {
  struct timespec end = clock_in(CLOCK_REALTIME, PATIENCE_SECONDS);
  for (;;) {
    struct mq_attr copy = attr != NULL ? *attr : (struct mq_attr){ 0 };
    mqd_t mq = mq_open(name, O_CREAT | O_EXCL | flags, mode, attr != NULL ? &copy : NULL);
    if (mq != (mqd_t)-1) return mq;
    if (errno == ENOSYS) SKIP("this kernel has no message queues");
    CHECK(errno == EMFILE || errno == ENOSPC);
    if (is_over(&end)) SKIP("other programs use up the queues that are allowed");
    sched_yield();
  }
}

/* Creates a queue for that many messages of SIZE bytes. */
__attribute__((unused)) static mqd_t create(const char *name, int flags, long messages) {
  return create_with(name, flags, 0600, &(struct mq_attr){ .mq_maxmsg = messages, .mq_msgsize = SIZE });
}

__attribute__((unused)) static mqd_t join(const char *name, int flags) {
  mqd_t mq = mq_open(name, flags);
  CHECK(mq != (mqd_t)-1);
  return mq;
}

__attribute__((unused)) static void put(mqd_t mq, const char *text, unsigned priority) {
  CHECK_EQUAL(mq_send(mq, text, strlen(text), priority), 0);
}

/* Receives a message, and checks its text. */
#define TAKE(mq, text) \
  do { \
    char buffer_[SIZE + 1]; \
    ssize_t length_ = mq_timedreceive((mq), buffer_, SIZE, NULL, DEADLINE); \
    CHECK(length_ >= 0); \
    buffer_[length_] = '\0'; \
    if (strcmp(buffer_, (text)) != 0) \
      test_failed(__FILE__, __LINE__, "expected the message \"%s\", found \"%s\"", (text), buffer_); \
  } while (0)

__attribute__((unused)) static struct mq_attr attributes(mqd_t mq) {
  struct mq_attr attr;
  CHECK_EQUAL(mq_getattr(mq, &attr), 0);
  return attr;
}

__attribute__((unused)) static long count(mqd_t mq) { return attributes(mq).mq_curmsgs; }

/* A thread or child calls this just before the call that has to block, and blocks in no other call. */
__attribute__((unused)) static void about_to_block(void) { *test_about_to_block = gettid(); }

/* Waits until the thread that called about_to_block() sleeps in the kernel. Returns its id. */
__attribute__((unused)) static pid_t wait_until_blocked(void) {
  AWAIT(*test_about_to_block != 0);
  pid_t thread = *test_about_to_block;
  *test_about_to_block = 0;
  while (!is_asleep(thread)) sched_yield();
  return thread;
}

/* Starts a thread. */
__attribute__((unused)) static pthread_t run(void *(*body)(void *), void *argument) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, body, argument), 0);
  return thread;
}
__attribute__((unused)) static void *finish_thread(pthread_t thread) {
  void *result;
  CHECK_EQUAL(pthread_join(thread, &result), 0);
  return result;
}

/* An address at which no memory can be accessed. */
__attribute__((unused)) static void *bad_address(void) {
  char *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  return page;
}

/* Gives up root's privileges, in a child that tests permissions. */
__attribute__((unused)) static void become_nobody(void) {
  if (geteuid() != 0) return;
  CHECK_EQUAL(setresgid(NOBODY, NOBODY, NOBODY), 0);
  CHECK_EQUAL(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

/* Installs a handler for SIGUSR1 that only counts, with SA_RESTART or without. */
static volatile sig_atomic_t handler_runs;
static inline void count_run(int signal) {
  (void)signal;
  handler_runs++;
}
__attribute__((unused)) static void handle_signals(int flags) {
  struct sigaction action = { .sa_handler = count_run, .sa_flags = flags };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
}

#endif
