/* A message that comes back because its borrower died makes the descriptor readable, without a call by anybody; in every
 * process that has a descriptor. So does a reserved place that comes back make it writable. */
#include "lanes.h"
#include "queue.h"

static const char *name;
static int *step;

static void borrow_and_rest(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, 0), 1);
  __atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
}

static void reserve_and_rest(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  void *place;
  CHECK_EQUAL(ipc_mq_reserve(mq, &place, 0), 0);
  __atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
}

static void await_step(int number) {
  while (__atomic_load_n(step, __ATOMIC_SEQ_CST) < number) sched_yield();
}

/* Another process that polls. It is told too, and takes nothing. */
static void poll_only(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, 0);
  int descriptor = ipc_mq_fd(mq);
  CHECK_EQUAL(reported(descriptor), POLLOUT);
  __atomic_store_n(step, 2, __ATOMIC_SEQ_CST);
  await_events(descriptor, POLLIN);
}

static void run(enum lane lane) {
  char suffix[16];
  snprintf(suffix, sizeof suffix, "lane-%d", lane);
  name = unique_name(suffix);
  ipc_mq_t *mq = make_queue(name, 2, 16);
  int descriptor = ipc_mq_fd(mq);
  for (int round = 0; round < 5; round++) {
    *step = 0;
    send_text(mq, "x", 0);
    pid_t borrower = start(borrow_and_rest, NULL);
    await_step(1);
    char byte;
    CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EAGAIN);
    CHECK_EQUAL(reported(descriptor), POLLOUT);
    pid_t other = start(poll_only, NULL);
    await_step(2);
    CHECK_EQUAL(kill(borrower, SIGKILL), 0);
    wait_for(borrower);
    await_events(descriptor, POLLIN);
    FINISH(other);
    expect_text(mq, "x", 1);
    CHECK_EQUAL(reported(descriptor), POLLOUT);

    *step = 0;
    send_text(mq, "x", 0);
    pid_t reserver = start(reserve_and_rest, NULL);
    await_step(1);
    CHECK_EQUAL(ipc_mq_send(mq, "y", 1, 0, 0), -EAGAIN);
    CHECK_EQUAL(reported(descriptor), POLLIN);
    CHECK_EQUAL(kill(reserver, SIGKILL), 0);
    wait_for(reserver);
    await_events(descriptor, POLLOUT);
    send_text(mq, "y", 0);
    expect_text(mq, "x", 0);
    expect_text(mq, "y", 0);
    CHECK_EQUAL(reported(descriptor), POLLOUT);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  step = mmap(NULL, sizeof *step, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(step != MAP_FAILED);
  in_each_lane(run);
  return 0;
}
