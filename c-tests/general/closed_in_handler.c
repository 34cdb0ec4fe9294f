/* A signal handler closes a handle at an instruction of a call that uses the handle. The call ends as if the handler had run before or after it,
 * and the object goes when the call is over: nothing is used after it was freed, and no handle is left. The process has one
 * thread. There the calls count their use of an object without atomic operations.
 *
 *   closed_in_handler [--full] [CALL]
 *
 * Without --full 40 points are tried that are spread over each call. */
#include "every_call.h"

#include <sys/ptrace.h>

static int close_mq(void) { return ipc_mq_close(with.mq); }
static int close_shm(void) { return ipc_shm_close(with.shm); }
static int close_sem(void) { return ipc_sem_close(with.sem); }
static int close_list(void) { return ipc_list_close(with.list); }
static int close_sysv_msg(void) { return ipc_sysv_msg_close(with.sysv_msg); }
static int close_sysv_sem(void) { return ipc_sysv_sem_close(with.sysv_sem); }

#define BIG_MQ MUST(ipc_mq_open(&with.mq, with.name, &(ipc_mq_attr_t){ .max_messages = 4, .message_size = 9000 }, IPC_CREATE, 0600))
static char large[9000];

/* The calls, each with the way to close its handle. Each prepares itself. */
static struct Case {
  const char *name;
  void (*before)(void);
  long (*run)(void);
  int (*close)(void);
} cases[40];
static int case_count;
#define CASE(id, before_, run_, close_) \
  static void case_##id##_before(void) { before_; } \
  static long case_##id##_run(void) { return (long)(run_); } \
  __attribute__((constructor)) static void case_##id##_add(void) { \
    cases[case_count++] = (struct Case){ #id, case_##id##_before, case_##id##_run, close_ }; \
  }

CASE(mq_send, MQ, ipc_mq_send(with.mq, "text", 4, 1, 0), close_mq)
CASE(mq_send_large, BIG_MQ, ipc_mq_send(with.mq, large, sizeof large, 1, 0), close_mq)
CASE(mq_receive, MQ_WITH_ONE, ipc_mq_receive(with.mq, with.buffer, 64, NULL, 0), close_mq)
CASE(mq_receive_nothing, MQ, ipc_mq_receive(with.mq, with.buffer, 64, NULL, 0), close_mq)
CASE(mq_reserve, MQ, ipc_mq_reserve(with.mq, &with.message, 0), close_mq)
CASE(mq_commit, MQ; MUST(ipc_mq_reserve(with.mq, &with.message, 0)), ipc_mq_commit(with.mq, with.message, 4, 1), close_mq)
CASE(mq_borrow, MQ_WITH_ONE, ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, 0), close_mq)
CASE(mq_return, MQ_WITH_ONE; MUST(ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, 0)), ipc_mq_return(with.mq, with.borrowed),
     close_mq)
CASE(mq_getattr, MQ, ipc_mq_getattr(with.mq, &(ipc_mq_attr_t){ 0 }), close_mq)
CASE(mq_kernel_send, KERNEL_MQ, ipc_mq_send(with.mq, "text", 4, 1, 0), close_mq)
CASE(shm_data, CREATE_SHM, ipc_shm_data(with.shm) != NULL, close_shm)
CASE(shm_size, CREATE_SHM, ipc_shm_size(with.shm), close_shm)
CASE(shm_stale, CREATE_SHM, ipc_shm_stale(with.shm), close_shm)
CASE(sem_post_posix, MUST(ipc_sem_open(&with.sem, with.name, 1, IPC_CREATE | IPC_POSIX, 0600)), ipc_sem_post(with.sem), close_sem)
CASE(sem_wait_posix, MUST(ipc_sem_open(&with.sem, with.name, 1, IPC_CREATE | IPC_POSIX, 0600)), ipc_sem_wait(with.sem, 0), close_sem)
CASE(list_next, LIST, ipc_list_next(with.list, &with.object), close_list)
CASE(sysv_msg_send, SYSV_MSG; (void)ipc_sysv_msg_remove_id(with.id), ipc_sysv_msg_send(with.sysv_msg, 1, "text", 4, 0), close_sysv_msg)
CASE(sysv_sem_value, SYSV_SEM; (void)ipc_sysv_sem_remove_id(with.id), ipc_sysv_sem_value(with.sysv_sem, 0), close_sysv_sem)

static const struct Case *current;
static volatile int closed = 1;

static void handle(int number) {
  (void)number;
  closed = current->close();
}

static int mappings(void) {
  int lines = 0;
  FILE *file = fopen("/proc/self/maps", "r");
  CHECK(file != NULL);
  for (int c; (c = getc(file)) != EOF;) lines += c == '\n';
  fclose(file);
  return lines;
}

static void use_traced(void *argument) {
  current = argument;
  current->before(); /* once, so that what is made once is there */
  (void)current->run();
  (void)current->close();
  call_clean();
  CHECK(signal(SIGUSR1, handle) != SIG_ERR);
  int descriptors = open_descriptors(), maps = mappings();
  closed = 1;
  current->before();
  be_traced();
  raise(SIGSTOP);
  (void)current->run();
  raise(SIGSTOP);
  if (closed == 1) CHECK(raise(SIGUSR1) == 0); /* the call was over before the point */
  /* A handle may refuse to be closed while it has a message in use. */
  if (closed != 0) {
    if (strcmp(current->name, "mq_reserve") == 0 || strcmp(current->name, "mq_commit") == 0) (void)ipc_mq_abandon(with.mq, with.message);
    if (strcmp(current->name, "mq_borrow") == 0 || strcmp(current->name, "mq_return") == 0) (void)ipc_mq_return(with.mq, with.borrowed);
    closed = current->close();
  }
  CHECK_EQUAL(closed, 0);
  CHECK_EQUAL(current->close(), -EBADF);
  CHECK_EQUAL(open_descriptors(), descriptors);
  if (mappings() > maps) test_failed(__FILE__, __LINE__, "%s: a mapping is left", current->name);
  _exit(0);
}

static int stop_signal(pid_t child, int request, int number) {
  CHECK(ptrace(request, child, NULL, (long)number) == 0);
  int status = wait_for(child);
  return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static long steps(pid_t child, long count) {
  long done = 0;
  while (done < count && stop_signal(child, PTRACE_SINGLESTEP, 0) == SIGTRAP) done++;
  return done;
}

static pid_t start_traced(struct Case *it) {
  pid_t child = start(use_traced, it);
  CHECK(WIFSTOPPED(wait_for(child)));
  CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) == 0);
  return child;
}

static int is_wrong_at(struct Case *it, long point) {
  pid_t child = start_traced(it);
  /* It stops once more with the signal if the signal was blocked, as it is in musl's raise(). */
  if (steps(child, point) == point)
    while (stop_signal(child, PTRACE_CONT, SIGUSR1) == SIGUSR1) continue;
  CHECK(ptrace(PTRACE_DETACH, child, NULL, NULL) == 0 || errno == ESRCH);
  int status = wait_for(child);
  call_clean();
  if (status != 0) fprintf(stderr, "%s, after %ld instructions: wait status %#x\n", it->name, point, (unsigned)status);
  return status != 0;
}

int main(int argc, char **argv) {
#ifndef __x86_64__
  SKIP("instructions are stepped on x86-64 only");
#endif
  SKIP_UNDER_VALGRIND("ptrace");
  SKIP_UNDER_SANITIZERS("ptrace");
  int is_full = argc > 1 && strcmp(argv[1], "--full") == 0;
  const char *wanted = argc > 1 + is_full ? argv[1 + is_full] : "";
  int wrong = 0;
  call_prepare(&every_call[0]);
  for (int i = 0; i < case_count && wrong < 5; i++) {
    if (strncmp(cases[i].name, wanted, strlen(wanted)) != 0) continue;
    pid_t child = start_traced(&cases[i]);
    long length = steps(child, 5000);
    KILL(child);
    call_clean();
    long stride = is_full ? 1 : 1 + length / 40;
    for (long point = 0; point < length && wrong < 5; point += stride) wrong += is_wrong_at(&cases[i], point);
  }
  CHECK_EQUAL(wrong, 0);
  return 0;
}
