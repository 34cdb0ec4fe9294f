/* A notification misses no message: not one that comes while it begins, nor one that comes back because its borrower
 * died, which no call of anybody has queued yet. */
#include "lanes.h"
#include "queue.h"
#include <pthread.h>
#include <sys/eventfd.h>

static const char *name;
static int *step;

static void *send_one(void *mq) {
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  return NULL;
}

static void while_it_begins(ipc_mq_t *mq, int told) {
  for (int round = 0; round < 300; round++) {
    ipc_mq_notify_t how = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = told };
    pthread_t sender;
    CHECK_EQUAL(pthread_create(&sender, NULL, send_one, mq), 0);
    CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
    await_events(told, POLLIN);
    CHECK_EQUAL(pthread_join(sender, NULL), 0);
    expect_text(mq, "x", 0);
    CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
    uint64_t count;
    CHECK_EQUAL(read(told, &count, sizeof count), 8);
  }
}

static void borrow_and_rest(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, PATIENCE), 1);
  __atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
}

static void redelivered(ipc_mq_t *mq, int told) {
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = told };
  for (int round = 0; round < 5; round++) {
    uint64_t count;
    *step = 0;
    CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
    pid_t borrower = start(borrow_and_rest, NULL);
    while (__atomic_load_n(step, __ATOMIC_SEQ_CST) == 0) sched_yield();
    CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
    CHECK_EQUAL(reported(told) & POLLIN, 0);
    CHECK_EQUAL(kill(borrower, SIGKILL), 0);
    wait_for(borrower);
    await_events(told, POLLIN);
    expect_text(mq, "x", 1);
    CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
    CHECK_EQUAL(read(told, &count, sizeof count), 8);
  }
}

int main(void) {
  SKIP_UNDER_VALGRIND("it does not know futex_waitv()");
  step = mmap(NULL, sizeof *step, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(step != MAP_FAILED);
  name = unique_name("told");
  ipc_mq_t *mq = make_queue(name, 2, 16);
  int told = eventfd(0, EFD_CLOEXEC);
  CHECK(told >= 0);
  while_it_begins(mq, told);
  redelivered(mq, told);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  close(told);
  return 0;
}
