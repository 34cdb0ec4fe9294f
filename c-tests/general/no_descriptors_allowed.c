/* With RLIMIT_NOFILE 0 a process opens nothing more, but what it has open works, waits included. At the limit of descriptors large
 * messages still flow, the queue gives no descriptor, and nothing of the queue stays taken. */
#include "children.h"
#include "test.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>

static int ends[2], pipe_ends[2], terminal[2];
static ipc_mq_t *kernel_queue;
static ipc_child_t *child;

/* The number of the wait that the waiting process begins next. */
static atomic_int *wait_begins;

/* Returns when the waiting process sleeps in its wait of this number. */
static void wait_for_wait(int number) {
  for (int64_t end = now_ns() + PATIENCE; *wait_begins != number && now_ns() < end;) sched_yield();
  wait_until_asleep(getppid());
}

static void peer(void *unused) {
  (void)unused;
  wait_for_wait(1);
  if (ipc_sock_send(ends[1], "x", 1, 0) != 1) _exit(1);
  wait_for_wait(2);
  if (ipc_write_full(pipe_ends[1], "y", 1, 0) != 1) _exit(2);
  if (kernel_queue != NULL) {
    wait_for_wait(3);
    if (ipc_mq_send(kernel_queue, "z", 1, 0, 0) != 0) _exit(3);
  }
  wait_for_wait(4);
  if (write(terminal[1], "t\n", 2) != 2) _exit(4);
  wait_for_wait(5);
  if (ipc_child_kill(child, SIGKILL) != 0) _exit(5);
  _exit(0);
}

static void without_limit_left(void *unused) {
  (void)unused;
  char bytes[16];
  struct rlimit none = { 0, 0 };
  const char *const argv[] = { "/bin/sleep", "1000", NULL };
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_SEQPACKET, 0), 0);
  CHECK_EQUAL(ipc_pipe(&pipe_ends[0], &pipe_ends[1], 0), 0);
  CHECK_EQUAL(ipc_pty_open(&terminal[0], &terminal[1], NULL), 0);
  const char *name = unique_name("no-descriptors");
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = 8 };
  if (ipc_mq_open(&kernel_queue, name, &attr, IPC_CREATE | IPC_KERNEL, 0600) < 0) kernel_queue = NULL;
  (void)ipc_mq_unlink(name, IPC_KERNEL);
  CHECK_EQUAL(ipc_spawn(&child, argv, 0), 0);
  wait_begins = shared_memory(sizeof *wait_begins);
  pid_t process = start(peer, NULL);
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
  *wait_begins = 1;
  CHECK_EQUAL(ipc_sock_recv(ends[0], bytes, sizeof bytes, IPC_FOREVER), 1);
  *wait_begins = 2;
  CHECK_EQUAL(ipc_read_full(pipe_ends[0], bytes, 1, PATIENCE), 1);
  *wait_begins = 3;
  if (kernel_queue != NULL) CHECK_EQUAL(ipc_mq_receive(kernel_queue, bytes, sizeof bytes, NULL, PATIENCE), 1);
  *wait_begins = 4;
  CHECK(ipc_pty_read(terminal[0], bytes, sizeof bytes, PATIENCE) > 0);
  *wait_begins = 5;
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_sock_recv(ends[0], bytes, sizeof bytes, 20000000), -ETIMEDOUT);
  CHECK_EQUAL(ipc_read_full(pipe_ends[0], bytes, 1, 20000000), -ETIMEDOUT);
  CHECK_EQUAL(wait_for(process), 0);
  _exit(0);
}

enum { LARGE = 16384 };
static char large[LARGE];

/* Another process asks for its descriptor of the queue. This one is at the limit. */
static void at_the_limit(void *unused) {
  (void)unused;
  const char *name = unique_name("at-the-limit");
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = LARGE };
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(mq, large, LARGE, 0, 0), 0);
  pid_t other = fork();
  if (other == 0) _exit(ipc_mq_fd(mq) < 3);
  CHECK_EQUAL(wait_for(other), 0);
  struct rlimit limit = { 3, 64 };
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK_EQUAL(ipc_mq_send(mq, large, LARGE, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, large, LARGE, NULL, 0), LARGE);
  CHECK_EQUAL(ipc_mq_fd(mq), -EMFILE);
  limit.rlim_cur = 64;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  /* One message is left, so there is room for one more. */
  CHECK_EQUAL(ipc_mq_send(mq, large, LARGE, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, large, LARGE, 0, 0), -EAGAIN);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mq_receive(mq, large, LARGE, NULL, 0), LARGE);
  CHECK_EQUAL(ipc_mq_receive(mq, large, LARGE, NULL, 0), -EAGAIN);
  CHECK(ipc_mq_fd(mq) >= 3);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  _exit(0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it forbids some limits");
  CHECK_EQUAL(wait_for(start(without_limit_left, NULL)), 0);
  CHECK_EQUAL(wait_for(start(at_the_limit, NULL)), 0);
  return 0;
}
