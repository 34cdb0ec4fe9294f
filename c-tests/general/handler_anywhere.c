/* A signal handler runs at each instruction of each call and makes the calls that the manual permits in a handler. The
 * interrupted call does its work all the same, and the thread's robust list stays a proper list.
 *
 *   handler_anywhere [--full] [CALL]
 *
 * The entry runs in a child under ptrace, instruction by instruction up to the point, and gets the signal there. Without --full
 * 5 points are tried that are spread over the call.
 */
#include "every_call.h"

#include <stddef.h>
#include <sys/ptrace.h>

/* The kernel's struct robust_list_head. */
typedef struct {
  void **first;
  long futex_offset;
  void **pending;
} RobustHead;

static struct {
  ipc_mutex_t mutex;
  ipc_sem_t sem;
  ipc_event_t event;
  ipc_permits_t permits;
  ipc_rwlock_t rwlock;
  ipc_mq_t *mq;
  char payload[64];
  volatile int runs, failures;
} handlers;

static void must(long result) {
  if (result < 0) handlers.failures++;
}

/* What robustipc(7) permits in a handler, on objects that the interrupted call does not use. */
static void handle(int number) {
  (void)number;
  unsigned permit;
  handlers.runs++;
  must(ipc_mutex_lock(&handlers.mutex, 0));
  must(ipc_mutex_unlock(&handlers.mutex));
  must(ipc_sem_post(&handlers.sem));
  must(ipc_sem_wait(&handlers.sem, 0));
  must(ipc_event_set(&handlers.event));
  must(ipc_permits_take(&handlers.permits, &permit, 0));
  must(ipc_permits_give(&handlers.permits, permit));
  must(ipc_rwlock_read_lock(&handlers.rwlock, 0));
  must(ipc_rwlock_unlock(&handlers.rwlock));
  must(ipc_mq_send(handlers.mq, handlers.payload, sizeof handlers.payload, 1, 0));
  must(ipc_mq_receive(handlers.mq, handlers.payload, sizeof handlers.payload, NULL, 0));
}

static void prepare_handler(const char *name) {
  ipc_mq_attr_t attributes = { .max_messages = 4, .message_size = sizeof handlers.payload };
  MUST(ipc_mutex_init(&handlers.mutex, NULL));
  MUST(ipc_sem_init(&handlers.sem, 0));
  MUST(ipc_event_init(&handlers.event, 0));
  MUST(ipc_permits_init(&handlers.permits, 2));
  MUST(ipc_rwlock_init(&handlers.rwlock));
  MUST(ipc_mq_open(&handlers.mq, name, &attributes, IPC_CREATE, 0600));
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
