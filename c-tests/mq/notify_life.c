/* A handle has one notification. A callback may end its own notification, or close its handle. A child has none and
 * may begin its own, which does not end the parent's. A wrong request is refused. */
#include "mq.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/eventfd.h>

static sem_t done;

static void await_done(void) {
  while (sem_wait(&done) != 0) CHECK_EQUAL(errno, EINTR);
}

static void await_threads(int count) {
  int64_t limit = now_ns() + PATIENCE;
  while (count_threads() != count) CHECK(now_ns() < limit);
}

static void end_itself(ipc_mq_t *mq, void *context) {
  (void)context;
  CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
  CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
  sem_post(&done);
}

static void close_itself(ipc_mq_t *mq, void *context) {
  (void)context;
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EBADF);
  sem_post(&done);
}

static void in_child(void *mq) {
  CHECK_EQUAL(count_threads(), 1);
  /* The child has no notification, so ending it does not end the parent's. */
  CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = end_itself };
  CHECK_EQUAL(sem_init(&done, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
  await_done();
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

static void closes_in_child(void *mq) {
  int before = open_descriptors();
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  /* The queue's own descriptor, and with the kernel's queue the three descriptors of the parent's notification. */
  CHECK_EQUAL(open_descriptors(), before - (MQ_FLAGS ? 4 : 1));
}

int main(void) {
  const char *name = mq_name("life");
  CHECK_EQUAL(sem_init(&done, 0, 0), 0);
  ipc_mq_t *mq = make_mq(name, 4, 0);
  int descriptors = open_descriptors();
  int told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(told >= 0);
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = told };
  CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
  CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
  CHECK_FAILS(ipc_mq_notify(mq, &how), -EBUSY, "has a notification already");

  /* In children, during the parent's notification and after it. Not under the sanitizers: if a child is forked while a
   * thread starts, the child inherits their allocator locked and hangs. */
  if (!UNDER_SANITIZERS) {
    FINISH(start(closes_in_child, mq));
    FINISH(start(in_child, mq));
  }
  await_rest(); /* the callback may have reported the child's message */
  uint64_t count = 0;
  CHECK(read(told, &count, sizeof count) == sizeof count || errno == EAGAIN);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  struct pollfd entry = { .fd = told, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
  char buffer[SIZE];
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
  CHECK_EQUAL(close(told), 0);
  CHECK_EQUAL(count_threads(), 1);
  CHECK_EQUAL(open_descriptors(), descriptors);

  how = (ipc_mq_notify_t){ .kind = IPC_NOTIFY_CALLBACK, .callback = end_itself };
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
    CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
    await_done();
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 1);
    await_threads(1);
  }
  CHECK_EQUAL(open_descriptors(), descriptors);

  how.callback = close_itself;
  ipc_mq_t *other = join_mq(name, 0);
  CHECK_EQUAL(ipc_mq_notify(other, &how), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  await_done();
  await_threads(1);
  CHECK_EQUAL(open_descriptors(), descriptors);

  /* Wrong requests. */
  ipc_mq_notify_t wrong = { .kind = 0 };
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EINVAL, "how->kind is 0");
  wrong.kind = 4;
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EINVAL, "how->kind is 4");
  wrong.kind = IPC_NOTIFY_CALLBACK;
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EINVAL, "how->callback is NULL");
  wrong.signal = SIGUSR1;
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EINVAL, "how->signal is set");
  static const int no_signals[] = { 0, -1, 32, 33, 65, INT32_MAX };
  for (int i = 0; i < 6; i++) {
    wrong = (ipc_mq_notify_t){ .kind = IPC_NOTIFY_SIGNAL, .signal = no_signals[i] };
    CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EINVAL, "not a signal's number");
  }
  wrong = (ipc_mq_notify_t){ .kind = IPC_NOTIFY_EVENTFD, .eventfd = -1 };
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EBADF, "how->eventfd is -1");
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  wrong.eventfd = ends[1];
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EBADF, "not an eventfd");
  wrong.eventfd = ipc_mq_fd(mq);
  if (MQ_FLAGS == IPC_KERNEL) CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EBADF, "not an eventfd");
  wrong = (ipc_mq_notify_t){ .kind = IPC_NOTIFY_SIGNAL, .signal = SIGUSR1, .reserved = 1 };
  CHECK_FAILS(ipc_mq_notify(mq, &wrong), -EINVAL, "reserved");
  /* ipc_mq_fd starts the watcher's thread where the kernel permits no io_uring. No notification's thread is left. */
  CHECK(count_threads() <= (MQ_FLAGS == IPC_KERNEL ? 1 : 2));
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
