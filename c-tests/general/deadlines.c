/* A deadline of ipc_deadline() works as the timeout of every call, and a call that is repeated after -EINTR ends at it. */
#include "holding.h"

#include <sys/time.h>

static struct {
  ipc_mq_t *full, *empty, *kernel;
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  ipc_sem_t none;
  ipc_event_t event;
  int sockets[2], pipe[2], listener;
  ipc_sysv_msg_t *messages;
  ipc_sysv_sem_t *set;
  ipc_child_t *child;
} with;

static char buffer[64];

/* Makes a call that has to wait. */
static int64_t call(int which, int64_t timeout) {
  unsigned permit;
  void *place;
  const void *message;
  ipc_mq_message_t batch = { buffer, sizeof buffer, 0, 0 };
  switch (which) {
    case 0: return ipc_mutex_lock(&everything->mutex, timeout);
    case 1: return ipc_rwlock_read_lock(&everything->written, timeout);
    case 2: return ipc_rwlock_write_lock(&everything->read, timeout);
    case 3: return ipc_permits_take(&everything->permits, &permit, timeout);
    case 4: return ipc_barrier_wait(&everything->barrier, timeout);
    case 5: return ipc_sem_wait(&with.none, timeout);
    case 6: return ipc_event_wait(&with.event, timeout);
    case 7: return ipc_mq_receive(with.empty, buffer, sizeof buffer, NULL, timeout);
    case 8: return ipc_mq_send(with.full, "x", 1, 0, timeout);
    case 9: return ipc_mq_receive_many(with.empty, &batch, 1, timeout);
    case 10: return ipc_mq_reserve(with.full, &place, timeout);
    case 11: return ipc_mq_borrow(with.empty, &message, NULL, NULL, timeout);
    case 12: return ipc_sock_recv(with.sockets[0], buffer, 1, timeout);
    case 13: return ipc_read_full(with.pipe[0], buffer, 1, timeout);
    case 14: return ipc_sock_accept(with.listener, timeout);
    case 15: return ipc_sysv_msg_receive(with.messages, &(long){ 0 }, buffer, sizeof buffer, IPC_MSG_ANY, 0, timeout);
    case 16: return ipc_sysv_sem_op(with.set, &(ipc_sysv_sem_op_t){ 0, -1, 0 }, 1, timeout);
    case 17: return ipc_child_wait(with.child, NULL, timeout);
    case 18: return ipc_mq_receive(with.kernel, buffer, sizeof buffer, NULL, timeout);
    case 19: {
      CHECK_EQUAL(ipc_mutex_lock(&with.mutex, 0), 0);
      int result = ipc_cond_wait(&with.cond, &with.mutex, timeout);
      CHECK_EQUAL(ipc_mutex_unlock(&with.mutex), 0);
      return result;
    }
    default: return -EBADF;
  }
}

enum { CALLS = 20 };

static void holder(void *argument) {
  (void)argument;
  hold_everything();
  stop_here();
}

static const char *socket_path(void) {
  static char path[100];
  snprintf(path, sizeof path, "/tmp%s", unique_name("listener"));
  return path;
}

static void prepare(void) {
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = sizeof buffer };
  CHECK_EQUAL(ipc_mq_open(&with.full, unique_name("full"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(with.full, "x", 1, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_open(&with.empty, unique_name("empty"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&with.kernel, unique_name("kernel"), &attr, IPC_CREATE | IPC_KERNEL, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mutex_init(&with.mutex, NULL), 0);
  CHECK_EQUAL(ipc_cond_init(&with.cond), 0);
  CHECK_EQUAL(ipc_sem_init(&with.none, 0), 0);
  CHECK_EQUAL(ipc_event_init(&with.event, 0), 0);
  CHECK_EQUAL(ipc_sock_pair(&with.sockets[0], &with.sockets[1], IPC_SOCK_STREAM, 0), 0);
  CHECK_EQUAL(ipc_pipe(&with.pipe[0], &with.pipe[1], 0), 0);
  CHECK((with.listener = ipc_sock_listen(socket_path(), IPC_SOCK_STREAM, 0, 0600)) >= 0);
  CHECK(ipc_sysv_msg_open(&with.messages, IPC_SYSV_PRIVATE, IPC_CREATE, 0600) >= 0);
  CHECK(ipc_sysv_sem_open(&with.set, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600) >= 0);
  ipc_spawn_attr_t spawn = { .input = { .kind = IPC_STREAM_PIPE } };
  CHECK_EQUAL(ipc_spawn_with(&with.child, (const char *const[]){ "cat", NULL }, 0, &spawn), 0);
}

static void clean_up(void) {
  CHECK_EQUAL(ipc_mq_close(with.full), 0);
  CHECK_EQUAL(ipc_mq_close(with.empty), 0);
  CHECK_EQUAL(ipc_mq_close(with.kernel), 0);
  CHECK_EQUAL(ipc_mq_unlink(unique_name("full"), 0), 0);
  CHECK_EQUAL(ipc_mq_unlink(unique_name("empty"), 0), 0);
  CHECK_EQUAL(ipc_mq_unlink(unique_name("kernel"), IPC_KERNEL), 0);
  CHECK_EQUAL(ipc_sysv_msg_remove(with.messages), 0);
  CHECK_EQUAL(ipc_sysv_sem_remove(with.set), 0);
  CHECK_EQUAL(ipc_sysv_msg_close(with.messages), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(with.set), 0);
  CHECK(unlink(socket_path()) == 0);
  CHECK_EQUAL(ipc_child_kill(with.child, SIGKILL), 0);
  CHECK_EQUAL(ipc_child_wait(with.child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(with.child), 0);
}

static volatile sig_atomic_t handled;

static void handle(int number) {
  (void)number;
  handled++;
}

int main(void) {
  SKIP_UNDER_VALGRIND("it lacks pidfd_send_signal");
  make_everything();
  pid_t child = start_stopped(holder, NULL);
  prepare();
  int64_t past = ipc_deadline(1);
  CHECK(past < IPC_FOREVER);
  for (int which = 0; which < CALLS; which++) {
    /* A deadline in the past makes one attempt, and what the deadline is not stays an error. */
    CHECK_EQUAL(call(which, past), -ETIMEDOUT);
    CHECK_EQUAL(call(which, ipc_deadline(-2)), -EINVAL);
    int64_t start = now_ns(), deadline = ipc_deadline(2 * MILLISECOND);
    CHECK_EQUAL(call(which, deadline), -ETIMEDOUT);
    CHECK(now_ns() >= start + 2 * MILLISECOND);
  }
  /* An attempt that need not wait succeeds after the deadline. */
  CHECK_EQUAL(ipc_mq_receive(with.full, buffer, sizeof buffer, NULL, past), 1);
  CHECK_EQUAL(ipc_mq_send(with.full, "x", 1, 0, past), 0);
  CHECK_EQUAL(ipc_sem_post(&with.none), 0);
  CHECK_EQUAL(ipc_sem_wait(&with.none, past), 0);
  CHECK_EQUAL(ipc_mutex_lock(&with.mutex, past), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&with.mutex), 0);

  /* A signal every 3 ms: a relative timeout would begin again with each call, and never end. */
  struct sigaction action = { .sa_handler = handle };
  sigaction(SIGALRM, &action, NULL);
  struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, never = { { 0, 0 }, { 0, 0 } };
  CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  /* On a busy machine few handlers run within one deadline. */
  while (handled < 4) {
    for (int which = 5; which < 8; which++) {
      int64_t result, deadline = ipc_deadline(50 * MILLISECOND);
      do result = call(which, deadline);
      while (result == -EINTR);
      CHECK_EQUAL(result, -ETIMEDOUT);
    }
  }
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);

  CHECK_EQUAL(ipc_deadline(0), 0);
  CHECK_EQUAL(ipc_deadline(IPC_FOREVER), IPC_FOREVER);
  CHECK_EQUAL(ipc_deadline(past), past);
  CHECK(ipc_deadline(INT64_MAX) < IPC_FOREVER && ipc_deadline(INT64_MAX) > ipc_deadline(SECOND));
  CHECK_EQUAL(ipc_sem_wait(&with.none, INT64_MIN), -EINVAL);
  KILL(child);
  clean_up();
  return 0;
}
