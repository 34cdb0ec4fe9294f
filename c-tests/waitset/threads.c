/* Several threads wait on one set: whichever object becomes ready, a thread takes from it, and nothing is lost. */
#include "lanes.h"
#include "queue.h"
#include <pthread.h>

#define QUEUES 8
#define MESSAGES 2000
#define WAITERS 3

static ipc_waitset_t *set;
static ipc_mq_t *queues[QUEUES];
static int received;
static ipc_event_t stop;

static void *receive(void *unused) {
  (void)unused;
  for (;;) {
    ipc_ready_t ready[4];
    int count = ipc_waitset_wait(set, ready, 4, PATIENCE);
    CHECK(count > 0);
    for (int i = 0; i < count; i++) {
      if (ready[i].tag == &stop) return NULL;
      char byte;
      int result;
      while ((result = (int)ipc_mq_receive(ready[i].tag, &byte, 1, NULL, 0)) == 1)
        if (__atomic_add_fetch(&received, 1, __ATOMIC_SEQ_CST) == MESSAGES) CHECK_EQUAL(ipc_event_set(&stop), 0);
      CHECK_EQUAL(result, -EAGAIN);
    }
  }
}

static void send_all(void *unused) {
  (void)unused;
  for (int i = 0; i < MESSAGES; i++) CHECK_EQUAL(ipc_mq_send(queues[i % QUEUES], "x", 1, 0, PATIENCE), 0);
}

static void run(enum lane lane) {
  received = 0;
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  CHECK_EQUAL(ipc_event_init(&stop, 0), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &stop, &stop), 0);
  for (int i = 0; i < QUEUES; i++) {
    char suffix[16];
    snprintf(suffix, sizeof suffix, "q-%d-%d", lane, i);
    queues[i] = make_queue(unique_name(suffix), 4, 16);
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, queues[i], queues[i]), 0);
  }
  pid_t sender = start(send_all, NULL);
  pthread_t threads[WAITERS];
  for (int i = 0; i < WAITERS; i++) CHECK_EQUAL(pthread_create(&threads[i], NULL, receive, NULL), 0);
  for (int i = 0; i < WAITERS; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  FINISH(sender);
  CHECK_EQUAL(received, MESSAGES);
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  for (int i = 0; i < QUEUES; i++) CHECK_EQUAL(ipc_mq_close(queues[i]), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  in_each_lane(run);
  return 0;
}
