/* While nobody sleeps, no call on an open topic that publishes, takes or returns samples allocates memory or makes a system call. A process that may make no
 * system call except exit makes all these calls. */
#include "topic.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static ipc_topic_t *topic, *taker;
static const char *name;
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
  void *place;
  const void *sample;
  ipc_sample_t info;
  for (int i = 0; i < 1000; i++) {
    EXPECT(ipc_topic_send(topic, buffer, sizeof buffer, i % 2 ? 0 : IPC_FOREVER), 0);
    EXPECT(ipc_topic_receive(taker, large, 9000, &info, i % 2 ? 0 : IPC_FOREVER), 64);
    EXPECT(ipc_topic_receive(taker, large, 9000, NULL, 0), -EAGAIN);
    EXPECT(ipc_topic_send(topic, large, 9000, SECOND), 0);
    EXPECT(ipc_topic_receive(taker, large, 9000, NULL, SECOND), 9000);
    EXPECT(ipc_topic_reserve(topic, &place, 9000, IPC_FOREVER), 0);
    EXPECT(ipc_topic_abandon(topic, place), 0);
    EXPECT(ipc_topic_reserve(topic, &place, 9000, 0), 0);
    EXPECT(ipc_topic_commit(topic, place, 3), 0);
    EXPECT(ipc_topic_borrow(taker, &sample, &info, i % 2 ? 0 : SECOND), 3);
    EXPECT(ipc_topic_borrow(taker, &sample, &info, 0), -EAGAIN);
    EXPECT(ipc_topic_return(taker, sample), 0);
    for (int j = 0; j < 9; j++) EXPECT(ipc_topic_send(topic, buffer, 1, 0), 0);
    EXPECT(ipc_topic_borrow(taker, &sample, &info, 0), 1);
    EXPECT(info.missed, 5);
    EXPECT(ipc_topic_send(topic, buffer, 9001, 0), -EMSGSIZE);
    EXPECT(ipc_topic_receive(taker, large, 0, NULL, 0), -EMSGSIZE);
    EXPECT(ipc_topic_return(taker, sample), 0);
    EXPECT(ipc_topic_return(taker, sample), -EINVAL);
    for (int j = 0; j < 3; j++) EXPECT(ipc_topic_receive(taker, buffer, 1, NULL, 0), 1);
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
  /* Checks that the counting works. A forked child's first calls take places. */
  ipc_topic_t *other;
  counting = 1;
  CHECK_EQUAL(ipc_topic_open(&other, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  int by_open = counted;
  taker = other; /* the topic may have samples of an earlier child */
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
  name = topic_name("calls");
  ipc_topic_attr_t attr = { .sample_size = 9000, .capacity = 4 };
  topic = publisher(name, &attr);
  taker = subscriber(name);
  pid_t child = start(restricted, NULL);
  int status = wait_for(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("seccomp is not permitted");
  CHECK_EQUAL(status, 0);
  /* Shows that a system call would be noticed. */
  status = wait_for(start(restricted, topic));
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
  CHECK_EQUAL(state_of_topic(topic).repairs, 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
