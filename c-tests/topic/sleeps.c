/* A subscriber that waits sleeps, and a sample wakes all of them. Timeouts end the wait, a handler interrupts it, IPC_NONBLOCK and
 * timeout 0 do not wait. */
#include "topic.h"

enum { SUBSCRIBERS = 4 };

static const char *name;
static ipc_topic_t *takers[SUBSCRIBERS];

static void take_one(void *taker) {
  if (taker == takers[0]) {
    const void *sample;
    CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, IPC_FOREVER), 8);
    CHECK_EQUAL(*(const uint64_t *)sample, 7);
    CHECK_EQUAL(ipc_topic_return(taker, sample), 0);
  } else {
    expect(taker, 7, 1, 0);
  }
}

static void handle(int number) { (void)number; }

static void be_interrupted(void *unused) {
  (void)unused;
  uint64_t value;
  const void *sample;
  struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
  sigaction(SIGUSR1, &action, NULL);
  CHECK_EQUAL(ipc_topic_receive(takers[0], &value, 8, NULL, IPC_FOREVER), -EINTR);
  CHECK_EQUAL(ipc_topic_borrow(takers[0], &sample, NULL, PATIENCE), -EINTR);
}

int main(void) {
  name = topic_name("sleeps");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4 };
  ipc_topic_t *topic = publisher(name, &attr), *impatient;
  pid_t children[SUBSCRIBERS];
  for (int i = 0; i < SUBSCRIBERS; i++) takers[i] = subscriber(name);
  for (int i = 0; i < SUBSCRIBERS; i++) children[i] = start(take_one, takers[i]);
  for (int i = 0; i < SUBSCRIBERS; i++) wait_until_inside(children[i], SYS_futex);
  publish(topic, 7);
  for (int i = 0; i < SUBSCRIBERS; i++) FINISH(children[i]);
  for (int i = 0; i < SUBSCRIBERS; i++) expect(takers[i], 7, 1, 0);
  uint64_t value;
  const void *sample;
  int64_t begin = now_ns();
  CHECK_EQUAL(ipc_topic_receive(takers[0], &value, 8, NULL, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_topic_borrow(takers[0], &sample, NULL, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - begin >= 40 * MILLISECOND);
  CHECK_EQUAL(ipc_topic_receive(takers[0], &value, 8, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_topic_borrow(takers[0], &sample, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_topic_open(&impatient, name, NULL, IPC_READ_ONLY | IPC_NONBLOCK, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_receive(impatient, &value, 8, NULL, IPC_FOREVER), -EAGAIN);
  CHECK_EQUAL(ipc_topic_borrow(impatient, &sample, NULL, PATIENCE), -EAGAIN);
  ipc_topic_attr_t found;
  CHECK_EQUAL(ipc_topic_getattr(impatient, &found), 0);
  CHECK_EQUAL(found.flags, IPC_READ_ONLY | IPC_NONBLOCK);
  pid_t child = start(be_interrupted, NULL);
  for (int i = 0; i < 2; i++) {
    wait_until_inside(child, SYS_futex);
    kill(child, SIGUSR1);
    /* The second signal only after the first has ended a call: the child is not asleep in the same call any more. */
    if (i == 0)
      for (int j = 0; j < 1000 && is_inside(child, SYS_futex); j++) sched_yield();
  }
  int status = wait_for(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_EQUAL(ipc_topic_close(impatient), 0);
  for (int i = 0; i < SUBSCRIBERS; i++) CHECK_EQUAL(ipc_topic_close(takers[i]), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
