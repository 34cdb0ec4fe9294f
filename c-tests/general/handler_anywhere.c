/* A signal handler runs at each instruction of each call and makes the calls that the manual permits in a handler. The
 * interrupted call does its work all the same, and the thread's robust list stays a proper list.
 *
 *   handler_anywhere [--full] [--jump] [CALL]
 *
 * The entry runs in a child under ptrace, and gets the signal at the point. With --full the child steps up to each point. Without
 * it a first child steps over the first 2500 instructions of the call and notes where they stand. Then 8 points are tried that
 * are spread over them: for each a child runs up to a breakpoint, which costs less than the steps. A second part, of which --jump
 * runs more, leaves the calls of the mutex by siglongjmp instead: every other lock of the thread stays usable, and the mutex comes
 * back when the thread ends.
 */
#include "every_call.h"

#include <pthread.h>
#include <setjmp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

/* The kernel's struct robust_list_head. */
typedef struct {
  void **first;
  long futex_offset;
  void **pending;
} RobustHead;

enum { LARGE = 10000 }; /* more than a queue copies while it holds its latch */

static struct {
  ipc_mutex_t mutex, second;
  ipc_sem_t sem;
  ipc_event_t event;
  ipc_cond_t cond;
  ipc_permits_t permits;
  ipc_rwlock_t rwlock;
  ipc_barrier_t barrier;
  pthread_mutex_t libc;
  ipc_mq_t *mq, *large;
  char payload[LARGE];
  volatile int runs, failures;
  int interrupts_libc;
} handlers;

/* libc's own robust mutexes have their entries in the same list. */
static pthread_mutex_t libc_mutex[2];

static void init_libc_mutex(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  CHECK(pthread_mutexattr_init(&attributes) == 0);
  CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
  CHECK(pthread_mutex_init(mutex, &attributes) == 0);
  CHECK(pthread_mutexattr_destroy(&attributes) == 0);
}

#define LIBC_MUTEX(index) init_libc_mutex(&libc_mutex[index])
#define LIBC_LOCKED(index) LIBC_MUTEX(index); CHECK(pthread_mutex_lock(&libc_mutex[index]) == 0)
#define LIBC_UNLOCK(index) CHECK(pthread_mutex_unlock(&libc_mutex[index]) == 0)
CALL_IN_STATE(pthread_mutex_lock, first, LIBC_MUTEX(0), pthread_mutex_lock(&libc_mutex[0]), LIBC_UNLOCK(0))
CALL_IN_STATE(pthread_mutex_lock, beside_ours, OTHER_LOCKED; LIBC_MUTEX(0), pthread_mutex_lock(&libc_mutex[0]),
     LIBC_UNLOCK(0); UNLOCK_OTHER)
CALL_IN_STATE(pthread_mutex_unlock, first_of_two, LIBC_LOCKED(0); OTHER_LOCKED, pthread_mutex_unlock(&libc_mutex[0]), UNLOCK_OTHER)
CALL_IN_STATE(pthread_mutex_unlock, second_of_two, OTHER_LOCKED; LIBC_LOCKED(0), pthread_mutex_unlock(&libc_mutex[0]), UNLOCK_OTHER)
CALL_IN_STATE(pthread_mutex_unlock, between_ours, OTHER_LOCKED; LIBC_LOCKED(0); LOCKED, pthread_mutex_unlock(&libc_mutex[0]),
     MUST(ipc_mutex_unlock(&placed.mutex)); UNLOCK_OTHER)
CALL_IN_STATE(ipc_mutex_lock, beside_libc, LIBC_LOCKED(0); MUTEX, ipc_mutex_lock(&placed.mutex, 0),
     MUST(ipc_mutex_unlock(&placed.mutex)); LIBC_UNLOCK(0))
CALL_IN_STATE(ipc_mutex_unlock, between_libc, LIBC_LOCKED(0); LOCKED; LIBC_LOCKED(1), ipc_mutex_unlock(&placed.mutex),
     LIBC_UNLOCK(0); LIBC_UNLOCK(1))

static const ipc_mq_attr_t large_mq_attr = { .max_messages = 2, .message_size = LARGE };
static char large_buffer[LARGE];
#define LARGE_MQ OTHER_LOCKED; MUST(ipc_mq_open(&with.mq, with.name, &large_mq_attr, IPC_CREATE, 0600))
CALL_IN_STATE(ipc_mq_send, large, LARGE_MQ, ipc_mq_send(with.mq, large_buffer, LARGE, 1, 0), CLOSE_MQ; UNLOCK_OTHER)
CALL_IN_STATE(ipc_mq_receive, large, LARGE_MQ; MUST(ipc_mq_send(with.mq, large_buffer, LARGE, 1, 0)),
     ipc_mq_receive(with.mq, large_buffer, LARGE, NULL, 0), CLOSE_MQ; UNLOCK_OTHER)

static void must(long result) {
  if (result < 0) handlers.failures++;
}

/* The calls of the table in robustipc(7), SIGNAL HANDLERS, on objects that the interrupted call does not use. */
static void handle(int number) {
  (void)number;
  unsigned permit, priority;
  void *message;
  const void *borrowed;
  handlers.runs++;
  must(ipc_mutex_lock(&handlers.mutex, 0));
  must(ipc_mutex_lock(&handlers.second, 0));
  must(ipc_mutex_unlock(&handlers.mutex));
  must(ipc_mutex_unlock(&handlers.second));
  if (!handlers.interrupts_libc) { /* libc permits its own mutexes in no handler: one breaks the other's list operation */
    must(-pthread_mutex_lock(&handlers.libc));
    must(ipc_mutex_lock(&handlers.mutex, 0));
    must(-pthread_mutex_unlock(&handlers.libc));
    must(ipc_mutex_unlock(&handlers.mutex));
  }
  must(ipc_sem_post(&handlers.sem));
  must(ipc_sem_wait(&handlers.sem, 0));
  must(ipc_event_set(&handlers.event));
  must(ipc_event_wait(&handlers.event, 0));
  must(ipc_event_reset(&handlers.event));
  must(ipc_cond_signal(&handlers.cond));
  must(ipc_cond_broadcast(&handlers.cond));
  must(ipc_permits_take(&handlers.permits, &permit, 0));
  must(ipc_permits_give(&handlers.permits, permit));
  must(ipc_rwlock_read_lock(&handlers.rwlock, 0));
  must(ipc_rwlock_unlock(&handlers.rwlock));
  must(ipc_rwlock_write_lock(&handlers.rwlock, 0));
  must(ipc_rwlock_unlock(&handlers.rwlock));
  must(ipc_barrier_join(&handlers.barrier));
  must(ipc_barrier_wait(&handlers.barrier, 0));
  must(ipc_barrier_leave(&handlers.barrier));
  must(ipc_mq_send(handlers.mq, handlers.payload, 64, 1, 0));
  must(ipc_mq_peek_priority(handlers.mq, &priority));
  must(ipc_mq_receive(handlers.mq, handlers.payload, 64, NULL, 0));
  must(ipc_mq_reserve(handlers.mq, &message, 0));
  must(ipc_mq_commit(handlers.mq, message, 4, 1));
  must(ipc_mq_borrow(handlers.mq, &borrowed, NULL, NULL, 0));
  must(ipc_mq_return(handlers.mq, borrowed));
  must(ipc_mq_reserve(handlers.mq, &message, 0));
  must(ipc_mq_abandon(handlers.mq, message));
  must(ipc_mq_send(handlers.large, handlers.payload, LARGE, 1, 0));
  must(ipc_mq_receive(handlers.large, handlers.payload, LARGE, NULL, 0));
  must(ipc_last_error() == NULL ? -1 : 0);
  must(ipc_strerror(-EAGAIN) == NULL ? -1 : 0);
}

static sigjmp_buf outside;
/* The call is over. The C library's raise() may hold the signal back until after its stop. */
static volatile sig_atomic_t is_outside;

static void jump(int number) {
  (void)number;
  if (!is_outside) siglongjmp(outside, 1);
}

static void prepare_handler(const char *name) {
  ipc_mq_attr_t attributes = { .max_messages = 4, .message_size = 64 };
  MUST(ipc_mutex_init(&handlers.mutex, NULL));
  MUST(ipc_mutex_init(&handlers.second, NULL));
  MUST(ipc_sem_init(&handlers.sem, 0));
  MUST(ipc_event_init(&handlers.event, 0));
  MUST(ipc_cond_init(&handlers.cond));
  MUST(ipc_permits_init(&handlers.permits, 2));
  MUST(ipc_rwlock_init(&handlers.rwlock));
  MUST(ipc_barrier_init(&handlers.barrier, 1));
  init_libc_mutex(&handlers.libc);
  MUST(ipc_mq_open(&handlers.mq, name, &attributes, IPC_CREATE, 0600));
  MUST(ipc_mq_unlink(name, 0));
  MUST(ipc_mq_open(&handlers.large, name, &large_mq_attr, IPC_CREATE, 0600));
  MUST(ipc_mq_unlink(name, 0));
  CHECK(signal(SIGUSR1, handle) != SIG_ERR);
  handle(0);
  CHECK_EQUAL(handlers.failures, 0);
}

/* Every entry's previous-pointer, in the word before it, leads to the entry that leads to it. */
static int robust_list_is_sound(void) {
  RobustHead *head;
  size_t length;
  CHECK(syscall(SYS_get_robust_list, 0, &head, &length) == 0);
  if (head->pending != NULL) return 0;
  void **previous = (void **)head, **node = head->first;
  for (int count = 0; node != (void **)head; count++) {
    if (count > 100 || node[-1] != (void *)previous) return 0;
    previous = node;
    node = *node;
  }
  return 1;
}

static void use_traced(void *argument) {
  const Call *call = argument;
  char name[96];
  snprintf(name, sizeof name, "%.80s-h", with.name);
  prepare_handler(name);
  call_warm_up(call);
  handlers.runs = 0;
  handlers.interrupts_libc = strncmp(call->name, "pthread_", 8) == 0;
  call->before();
  be_traced();
  raise(SIGSTOP);
  long result = call->run();
  raise(SIGSTOP);
  if (!robust_list_is_sound()) test_failed(__FILE__, __LINE__, "%s: the robust list is broken", call->name);
  if (handlers.failures) test_failed(__FILE__, __LINE__, "%s: %d calls of the handler failed", call->name, handlers.failures);
  /* A wait may end by the signal: the manual says so. */
  if (result == -EINTR) result = call->run();
  if (!call_succeeded(result)) test_failed(__FILE__, __LINE__, "%s: %ld: %s", call->name, result, ipc_last_error());
  call->after(result);
  if (!robust_list_is_sound()) test_failed(__FILE__, __LINE__, "%s: the robust list is broken afterwards", call->name);
  _exit(0);
}

/* The entries that the kernel would find if the thread died now; -1 if they do not lead back to the head. */
static int entries_of_robust_list(void) {
  RobustHead *head;
  size_t length;
  CHECK(syscall(SYS_get_robust_list, 0, &head, &length) == 0);
  int count = 0;
  for (void **node = head->first; node != (void **)head; node = *node)
    if (++count > 100) return -1;
  return count;
}

/* After the end of the thread that has left a call: the mutex is free, whether the thread held it or not. */
static void check_given_back(const Call *call) {
  int result = ipc_mutex_lock(&placed.mutex, PATIENCE);
  if (result < 0) test_failed(__FILE__, __LINE__, "%s: %d: %s", call->name, result, ipc_last_error());
  if (result == IPC_OWNER_DIED) CHECK_EQUAL(ipc_mutex_consistent(&placed.mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&placed.mutex), 0);
}

/* The thread does not use the mutex again: robustipc(7) forbids it. */
static void use_jumped(void *argument) {
  const Call *call = argument;
  char name[96];
  snprintf(name, sizeof name, "%.80s-j", with.name);
  prepare_handler(name);
  call_warm_up(call);
  CHECK(signal(SIGUSR1, jump) != SIG_ERR);
  int has_other = strstr(call->name, "second") != NULL || strstr(call->name, "two") != NULL;
  call->before();
  be_traced();
  if (sigsetjmp(outside, 1) == 0) {
    raise(SIGSTOP);
    (void)call->run();
  }
  is_outside = 1;
  raise(SIGSTOP);
  CHECK(entries_of_robust_list() >= 0);
  handle(0);
  if (has_other) CHECK_EQUAL(ipc_mutex_unlock(&placed.other), 0);
  handle(0);
  CHECK_EQUAL(handlers.failures, 0);
  /* The entry of the mutex itself at most. */
  CHECK(entries_of_robust_list() <= 1);
  _exit(0);
}

static int can_be_left(const Call *call) {
  return (strncmp(call->name, "ipc_mutex_lock", 14) == 0 || strncmp(call->name, "ipc_mutex_unlock", 16) == 0) &&
         strstr(call->name, "libc") == NULL;
}

static int wrong;
static void (*use)(void *) = use_traced;

static int stop_signal(pid_t child, int request, int number) {
  CHECK(ptrace(request, child, NULL, (long)number) == 0);
  int status = wait_for(child);
  return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static pid_t start_traced(const Call *call) {
  pid_t child = start(use, (void *)call);
  int status = wait_for(child);
  if (!WIFSTOPPED(status)) test_failed(__FILE__, __LINE__, "%s: the child does not stop: %#x", call->name, (unsigned)status);
  CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) == 0);
  return child;
}

/* Steps over `count` instructions; false if the call is over before. */
static long steps(pid_t child, long count) {
  long done = 0;
  for (int pass_on = 0; done < count; done++) {
    int stopped = stop_signal(child, PTRACE_SINGLESTEP, pass_on);
    if (stopped == SIGSTOP || stopped < 0) break;
    pass_on = stopped == SIGTRAP ? 0 : stopped; /* SIGCHLD, say */
  }
  return done;
}

/* Lets the child go on to its end, so that it gives back everything; its wait status. While the call goes on, the child
 * first gets `signal`, if that is not 0. */
static int finish(pid_t child, int goes_on, int signal) {
  int pass_on = signal;
  if (goes_on)
    for (int stopped; (stopped = stop_signal(child, PTRACE_CONT, pass_on)) > 0 && stopped != SIGSTOP;) pass_on = stopped;
  CHECK(ptrace(PTRACE_DETACH, child, NULL, NULL) == 0 || errno == ESRCH);
  return wait_for(child);
}

/* The end of one point: the child is there if `is_there`, and gets the signal. */
static void try_here(const Call *call, pid_t child, int is_there, const char *where, unsigned long at) {
  int status = finish(child, is_there, SIGUSR1);
  if (status != 0) {
    fprintf(stderr, "%s, %s %#lx: wait status %#x\n", call->name, where, at, (unsigned)status);
    wrong++;
  } else if (use == use_jumped) {
    check_given_back(call);
  }
  call_clean();
}

static void try_after(const Call *call, long count) {
  call_prepare(call);
  pid_t child = start_traced(call);
  int is_there = steps(child, count) == count;
  try_here(call, child, is_there, "after instructions", (unsigned long)count);
}

static long length_of(const Call *call, long most) {
  call_prepare(call);
  pid_t child = start_traced(call);
  long length = steps(child, most);
  (void)finish(child, length == most, 0);
  call_clean();
  return length;
}

enum { STEPS = 2500, POINTS = 8, HASHES = 8192 };

/* The addresses of a call's first instructions, each once, in the order of their first execution. */
static unsigned long addresses[STEPS];
static int address_count;

#ifdef __x86_64__
static unsigned long instruction_of(pid_t child) {
  errno = 0;
  unsigned long address = (unsigned long)ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, regs.rip), NULL);
  CHECK(errno == 0);
  return address;
}

static int set_debug_register(pid_t child, int number, unsigned long value) {
  return ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg) + (size_t)number * sizeof value, value) == 0;
}
#else
static unsigned long instruction_of(pid_t child) { return (unsigned long)child; }
static int set_debug_register(pid_t child, int number, unsigned long value) { return (void)child, (void)number, value == 0; }
#endif

static void note_addresses(const Call *call) {
  static unsigned long seen[HASHES];
  memset(seen, 0, sizeof seen);
  address_count = 0;
  call_prepare(call);
  pid_t child = start_traced(call);
  int goes_on = 1;
  for (int i = 0; i < STEPS && goes_on; i++) {
    unsigned long address = instruction_of(child);
    size_t place = address * 0x9e3779b97f4a7c15u >> 51;
    while (seen[place] != 0 && seen[place] != address) place = (place + 1) % HASHES;
    if (seen[place] == 0) seen[place] = addresses[address_count++] = address;
    goes_on = steps(child, 1) == 1;
  }
  (void)finish(child, goes_on, 0);
  call_clean();
}

/* Runs the child until it is about to execute the instruction for the first time. False if the call is over before. */
static int run_to(pid_t child, unsigned long address) {
  if (instruction_of(child) == address) return 1;
  if (!set_debug_register(child, 0, address) || !set_debug_register(child, 7, 1))
    SKIP("this machine has no breakpoints for ptrace");
  int stopped = 0, is_there = 0;
  do {
    stopped = stop_signal(child, PTRACE_CONT, stopped == SIGTRAP ? 0 : stopped);
    is_there = stopped == SIGTRAP && instruction_of(child) == address;
  } while (!is_there && stopped >= 0 && stopped != SIGSTOP);
  if (stopped >= 0) CHECK(set_debug_register(child, 7, 0));
  return is_there;
}

static int tried, reached;

static void try_at(const Call *call, unsigned long address) {
  call_prepare(call);
  pid_t child = start_traced(call);
  int is_there = run_to(child, address);
  tried++;
  reached += is_there;
  try_here(call, child, is_there, "at", address);
}

int main(int argc, char **argv) {
#ifndef __x86_64__
  SKIP("instructions are stepped on x86-64 only");
#endif
  SKIP_UNDER_VALGRIND("ptrace");
  SKIP_UNDER_SANITIZERS("ptrace");
  int is_full = 0, is_jump = 0;
  const char *wanted = "";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--full") == 0) is_full = 1;
    else if (strcmp(argv[i], "--jump") == 0) is_jump = 1;
    else wanted = argv[i];
  }
  for (int i = 0; i < 2 * call_count && wrong < 5; i++) {
    const Call *call = &every_call[i % call_count];
    int jumps = i >= call_count;
    if ((is_jump && !jumps) || (jumps && !can_be_left(call))) continue;
    use = jumps ? use_jumped : use_traced;
    if (strncmp(call->name, wanted, strlen(wanted)) != 0) continue;
    if (is_full) {
      long length = length_of(call, 20000), stride = 1 + length / 2000;
      for (long point = 0; point < length && wrong < 5; point += stride) try_after(call, point);
      continue;
    }
    note_addresses(call);
    int stride = 1 + address_count / POINTS;
    for (int point = i % stride; point < address_count && wrong < 5; point += stride) try_at(call, addresses[point]);
  }
  CHECK_EQUAL(wrong, 0);
  /* A call need not go the same way twice: it looks at the clock, and at what its peers do. */
  printf("%d points, of which %d were reached\n", tried, reached);
  CHECK(reached >= tried - tried / 10);
  return 0;
}
