/* A signal handler runs at each instruction of each call and makes the calls that the manual permits in a handler. The
 * interrupted call does its work all the same, and the thread's robust list stays a proper list.
 *
 *   handler_anywhere [--full] [CALL]
 *
 * The entry runs in a child under ptrace, instruction by instruction up to the point, and gets the signal there. Without --full
 * 5 points are tried that are spread over the call.
 */
#include "every_call.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/ptrace.h>

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
  CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
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

static int wrong;

static int stop_signal(pid_t child, int request, int number) {
  CHECK(ptrace(request, child, NULL, (long)number) == 0);
  int status = wait_for(child);
  return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static pid_t start_traced(const Call *call) {
  pid_t child = start(use_traced, (void *)call);
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

static void try_at(const Call *call, long point) {
  call_prepare(call);
  pid_t child = start_traced(call);
  if (steps(child, point) == point) {
    int pass_on = SIGUSR1;
    for (int stopped; (stopped = stop_signal(child, PTRACE_CONT, pass_on)) > 0 && stopped != SIGSTOP;) pass_on = stopped;
  }
  CHECK(ptrace(PTRACE_DETACH, child, NULL, NULL) == 0 || errno == ESRCH);
  int status = wait_for(child);
  if (status != 0) {
    fprintf(stderr, "%s, after %ld instructions: wait status %#x\n", call->name, point, (unsigned)status);
    wrong++;
  }
  call_clean();
}

static long length_of(const Call *call, long most) {
  call_prepare(call);
  pid_t child = start_traced(call);
  long length = steps(child, most);
  KILL(child);
  call_clean();
  return length;
}

int main(int argc, char **argv) {
#ifndef __x86_64__
  SKIP("instructions are stepped on x86-64 only");
#endif
  SKIP_UNDER_VALGRIND("ptrace");
  SKIP_UNDER_SANITIZERS("ptrace");
  int is_full = argc > 1 && strcmp(argv[1], "--full") == 0;
  const char *wanted = argc > 1 + is_full ? argv[1 + is_full] : "";
  for (int i = 0; i < call_count && wrong < 5; i++) {
    const Call *call = &every_call[i];
    if (strncmp(call->name, wanted, strlen(wanted)) != 0) continue;
    long length = length_of(call, 20000);
    long stride = is_full ? 1 + length / 2000 : 1 + length / 5;
    for (long point = is_full ? 0 : i % stride; point < length && wrong < 5; point += stride) try_at(call, point);
  }
  CHECK_EQUAL(wrong, 0);
  return 0;
}
