/* A process that has a queue's descriptor, or the queue in a waitset, asks again and again without waiting, while another
 * one sends. Every message comes, and no call goes on for ever: wake-ups come at any moment of a call. A process that polls
 * is told of each message. */
#include "lanes.h"
#include "queue.h"

static const char *name;
static unsigned *done;

/* A call that goes on for ever ends both processes after this many seconds. */
#define LIMIT 250

struct sending {
  unsigned messages, longest_pause;
};

/* Sends each message a moment after the one before was received; the moments differ. */
static void send_all(void *argument) {
  const struct sending *sending = argument;
  alarm(LIMIT);
  ipc_mq_t *mq = join_queue(name, 0);
  unsigned random = 1;
  for (unsigned i = 0; i < sending->messages; i++) {
    while (__atomic_load_n(done, __ATOMIC_ACQUIRE) != i) sched_yield();
    random = random * 1103515245 + 12345;
    for (volatile unsigned pause = (random >> 8) % sending->longest_pause; pause > 0; pause--) continue;
    CHECK_EQUAL(ipc_mq_send(mq, &i, sizeof i, 0, 0), 0);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

/* The receiver's way to learn of the next message. */
enum way { ASKS_QUEUE, ASKS_WAITSET, POLLS };

static void receive_all(ipc_mq_t *mq, enum way way, const struct sending *sending) {
  *done = 0;
  ipc_waitset_t *set = NULL;
  if (way == ASKS_WAITSET) {
    CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, mq), 0);
  }
  int descriptor = ipc_mq_fd(mq);
  pid_t sender = start(send_all, (void *)sending);
  for (unsigned i = 0; i < sending->messages; i++) {
    unsigned message;
    ssize_t length;
    for (unsigned asked = 1; (length = ipc_mq_receive(mq, &message, sizeof message, NULL, 0)) == -EAGAIN; asked++) {
      ipc_ready_t ready;
      if (way == ASKS_WAITSET) (void)ipc_waitset_wait(set, &ready, 1, 0);
      /* The second call in vain lowers a descriptor that is ready for nothing. */
      if (way == POLLS && asked > i % 3) await_events(descriptor, POLLIN);
      if (way != POLLS) sched_yield();
    }
    CHECK_EQUAL(length, sizeof message);
    CHECK_EQUAL(message, i);
    __atomic_store_n(done, i + 1, __ATOMIC_RELEASE);
  }
  FINISH(sender);
  if (set != NULL) CHECK_EQUAL(ipc_waitset_close(set), 0);
}

static void run(enum lane lane) {
  char suffix[16];
  snprintf(suffix, sizeof suffix, "lane-%d", lane);
  name = unique_name(suffix);
  ipc_mq_t *mq = make_queue(name, 4, sizeof(unsigned));
  alarm(LIMIT);
  for (unsigned pause = 50; pause <= 1000; pause *= 4) {
    receive_all(mq, ASKS_QUEUE, &(struct sending){ 2000, pause });
    receive_all(mq, ASKS_WAITSET, &(struct sending){ 1000, pause });
    receive_all(mq, POLLS, &(struct sending){ lane == WITH_PERIODS ? 50 : 1000, pause });
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  done = shared_memory(sizeof *done);
  in_each_lane(run);
  return 0;
}
