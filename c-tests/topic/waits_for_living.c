/* With IPC_TOPIC_WAIT a full topic waits for its living subscribers until the deadline, names the process for which it waited,
 * and loses nothing. It does not wait without subscribers, or for one that is closed or dead. */
#include "topic.h"

static const char *name;
static ipc_topic_t *topic;

static void send_one_more(void *unused) {
  (void)unused;
  publish(topic, 5);
}

static void subscribe_and_rest(void *ready) {
  ipc_topic_t *taker = subscriber(name);
  const void *sample;
  CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, PATIENCE), 8);
  *(_Atomic int *)ready = 1;
  pause();
}

static void dead_subscriber(int how) {
  _Atomic int *ready = shared_memory(sizeof *ready);
  pid_t child = start(subscribe_and_rest, (void *)ready);
  while (state_of_topic(topic).subscribers == 0) sched_yield();
  publish(topic, 1);
  while (!*ready) sched_yield();
  for (uint64_t i = 2; i <= 5; i++) publish(topic, i);
  char text[64];
  snprintf(text, sizeof text, "process %d ", (int)child);
  CHECK_FAILS(ipc_topic_send(topic, "x", 1, 0), -EAGAIN, text);
  CHECK_FAILS(ipc_topic_send(topic, "x", 1, 1000), -ETIMEDOUT, text);
  void *place;
  CHECK_FAILS(ipc_topic_reserve(topic, &place, 1, 1000), -ETIMEDOUT, text);
  if (how == 0) {
    /* A stopped process is alive. */
    kill(child, SIGSTOP);
    int status;
    CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
    CHECK_FAILS(ipc_topic_send(topic, "x", 1, 20 * MILLISECOND), -ETIMEDOUT, text);
  }
  CHECK_EQUAL(state_of_topic(topic).borrowed_samples, 1);
  pid_t waiting = start(send_one_more, NULL);
  wait_until_inside(waiting, SYS_futex);
  KILL(child);
  FINISH(waiting);
  CHECK_EQUAL(state_of_topic(topic).subscribers, 0);
  CHECK_EQUAL(state_of_topic(topic).borrowed_samples, 0);
}

int main(void) {
  name = topic_name("waits");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4, .history = 0, .flags = IPC_TOPIC_WAIT };
  topic = publisher(name, &attr);
  for (uint64_t i = 0; i < 20; i++) publish(topic, i); /* nobody to wait for */
  ipc_topic_t *taker = subscriber(name), *other = subscriber(name);
  for (uint64_t i = 1; i <= 4; i++) publish(topic, i);
  CHECK_EQUAL(ipc_topic_send(topic, "x", 1, 0), -EAGAIN);
  expect(taker, 1, 21, 0);
  CHECK_EQUAL(ipc_topic_send(topic, "x", 1, 0), -EAGAIN); /* the other one has not taken it */
  pid_t waiting = start(send_one_more, NULL);
  wait_until_inside(waiting, SYS_futex);
  expect(other, 1, 21, 0);
  FINISH(waiting);
  for (uint64_t i = 2; i <= 5; i++) {
    expect(taker, i, 20 + i, 0);
    expect(other, i, 20 + i, 0);
  }
  /* Reserved samples count, since a commit never waits. */
  void *places[4], *fifth;
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_topic_reserve(topic, &places[i], 8, 0), 0);
  ipc_topic_t *second = publisher(name, NULL);
  CHECK_EQUAL(ipc_topic_reserve(second, &fifth, 8, 0), -EAGAIN);
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_topic_abandon(topic, places[i]), 0);
  CHECK_EQUAL(ipc_topic_reserve(second, &fifth, 8, 0), 0);
  CHECK_EQUAL(ipc_topic_abandon(second, fifth), 0);
  CHECK_EQUAL(ipc_topic_close(second), 0);
  /* A subscriber that closes its handle is not waited for. */
  for (uint64_t i = 1; i <= 4; i++) publish(topic, i);
  CHECK_EQUAL(ipc_topic_close(other), 0);
  CHECK_EQUAL(ipc_topic_send(topic, "x", 1, 0), -EAGAIN);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK_EQUAL(ipc_topic_send(topic, "x", 1, 0), 0);
  dead_subscriber(0);
  dead_subscriber(1);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
