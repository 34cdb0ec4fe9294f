/* While nobody sleeps, no call on an open queue allocates memory or makes a system call. A process that may make no
 * system call except exit makes all these calls. */
#include "queue.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static ipc_mq_t *mq;
static int counting, counted;

#if !UNDER_SANITIZERS /* the sanitizers define these functions, and need them before main() */
/* The library finds these functions before libc's, because the program's symbols come first. */
void *malloc(size_t size) {
  counted += counting;
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  counted += counting;
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  counted += counting;
  return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  (void)alignment;
  counted += counting;
  *out = __libc_malloc(size);
  return *out == NULL ? ENOMEM : 0;
}
#endif

static void leave(int status) { syscall(SYS_exit, status); }

#define EXPECT(found, expected) \
  do { \
    if ((found) != (expected)) leave(__LINE__ % 100 + 100); \
  } while (0)

static void use(char *large) {
  char buffer[64];
  void *reserved;
  const void *borrowed;
  unsigned priority;
  ipc_mq_attr_t attr;
  ipc_mq_stat_t stat;
  ipc_mq_message_t messages[3] = { { .data = buffer, .len = 8 }, { .data = buffer, .len = 8 }, { .data = buffer, .len = 8 } };
  for (int i = 0; i < 100; i++) {
    EXPECT(ipc_mq_send(mq, buffer, sizeof buffer, (unsigned)i % 3, i % 2 ? 0 : IPC_FOREVER), 0);
    EXPECT(ipc_mq_send(mq, buffer, sizeof buffer, 0, SECOND), 0);
    EXPECT(ipc_mq_peek_priority(mq, &priority), 0);
    EXPECT(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, i % 2 ? 0 : IPC_FOREVER), 64);
    EXPECT(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, SECOND), 64);
    EXPECT(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
    EXPECT(ipc_mq_send(mq, large, 9000, 0, IPC_FOREVER), 0);
    EXPECT(ipc_mq_receive(mq, large, 9000, NULL, IPC_FOREVER), 9000);
    EXPECT(ipc_mq_send_many(mq, messages, 3, IPC_FOREVER), 3);
    EXPECT(ipc_mq_receive_many(mq, messages, 3, IPC_FOREVER), 3);
    EXPECT(ipc_mq_reserve(mq, &reserved, IPC_FOREVER), 0);
    EXPECT(ipc_mq_abandon(mq, reserved), 0);
    EXPECT(ipc_mq_reserve(mq, &reserved, 0), 0);
    EXPECT(ipc_mq_commit(mq, reserved, 3, 1), 0);
    EXPECT(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 3);
    EXPECT(ipc_mq_return(mq, borrowed), 0);
    for (int j = 0; j < 4; j++) EXPECT(ipc_mq_send(mq, buffer, 1, 0, 0), 0);
    EXPECT(ipc_mq_send(mq, buffer, 1, 0, 0), -EAGAIN);
    EXPECT(ipc_mq_send(mq, buffer, 9001, 0, 0), -EMSGSIZE);
    EXPECT(ipc_mq_receive(mq, buffer, 0, NULL, 0), -EMSGSIZE);
    for (int j = 0; j < 4; j++) EXPECT(ipc_mq_receive(mq, buffer, 1, NULL, 0), 1);
    EXPECT(ipc_mq_getattr(mq, &attr), 0);
    EXPECT(ipc_mq_stat(mq, &stat), 0);
  }
}

/* From here on any system call except exit kills the process. */
static int forbid_system_calls(void) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void restricted(void *breaks_it) {
  char *large = malloc(9000);
  CHECK(large != NULL);
  memset(large, 'l', 9000);
  /* Checks that the counting works. A thread's first call asks the kernel for the thread's id. */
  unsigned priority;
  ipc_mq_t *other;
  counting = 1;
  CHECK_EQUAL(ipc_mq_open(&other, test_names[0], NULL, 0, 0), IPC_OPENED);
  int by_open = counted;
  CHECK_EQUAL(ipc_mq_peek_priority(mq, &priority), -EAGAIN);
  use(large);
  counting = 0;
  CHECK(by_open > 0);
  CHECK_EQUAL(counted, by_open);
  if (forbid_system_calls() != 0) _exit(77);
  if (breaks_it != NULL) syscall(SYS_getppid);
  use(large);
  leave(0);
}

int main(void) {
  SKIP_UNDER_SANITIZERS("they make calls of their own");
  SKIP_UNDER_VALGRIND("it makes calls of its own");
  mq = make_queue(unique_name("calls"), 4, 9000);
  pid_t child = start(restricted, NULL);
  int status = wait_for(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("seccomp is not permitted");
  CHECK_EQUAL(status, 0);
  /* Shows that a system call would be noticed. */
  status = wait_for(start(restricted, mq));
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
  CHECK_EQUAL(stat_of(mq).repairs, 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
