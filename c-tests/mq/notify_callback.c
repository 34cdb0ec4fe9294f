/* A callback that receives until -EAGAIN, or just one message each time, gets every message of bursts from two
 * processes, without asking again. Its thread has a name, gets no signal, and is gone when the notification is ended.
 * */
#include "mq.h"

#define BURSTS 300
#define BURST 10

static const char *name;

typedef struct {
  int takes_one;
  unsigned received, calls;
  int32_t next[2];
} State;

/* The second sender is a plain program. When it sleeps in mq_send, a receive makes the kernel put its message into the
 * queue, and the kernel notifies nobody of that message. */
static void send_bursts(void *first) {
  ipc_mq_t *mq = join_mq(name, IPC_WRITE_ONLY);
  mqd_t plain = -1;
  if (MQ_FLAGS) CHECK((plain = mq_open(name, O_WRONLY)) != (mqd_t)-1);
  int32_t message[2] = { *(int32_t *)first, 0 };
  for (int burst = 0; burst < BURSTS; burst++) {
    for (int i = 0; i < BURST; i++, message[1]++)
      CHECK_EQUAL(
        MQ_FLAGS && message[0] == 1 ? mq_send(plain, (char *)message, sizeof message, 0)
                        : ipc_mq_send(mq, message, sizeof message, 0, PATIENCE),
        0);
    if (burst % 7 == 0) sched_yield();
  }
}

static void take(ipc_mq_t *mq, void *context) {
  State *state = context;
  int32_t message[SIZE / 4];
  char thread[16] = "";
  FILE *comm = fopen("/proc/thread-self/comm", "r");
  CHECK(comm != NULL && fgets(thread, sizeof thread, comm) != NULL);
  fclose(comm);
  CHECK(strcmp(thread, "ipc_mq_notify\n") == 0);
  __atomic_fetch_add(&state->calls, 1, __ATOMIC_RELAXED);
  do {
    ssize_t result = ipc_mq_receive(mq, message, sizeof message, NULL, 0);
    if (result == -EAGAIN) return;
    CHECK_EQUAL(result, 8);
    CHECK_EQUAL(message[1], state->next[message[0]]++);
    __atomic_fetch_add(&state->received, 1, __ATOMIC_RELEASE);
  } while (!state->takes_one);
}

int main(void) {
  name = mq_name("callback");
  ipc_mq_t *mq = make_mq(name, 4, 0);
  int threads = count_threads(), descriptors = open_descriptors();
  static int32_t senders[2] = { 0, 1 };
  for (int takes_one = 0; takes_one < 2; takes_one++) {
    State state = { .takes_one = takes_one };
    ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = take, .context = &state };
    /* A message that was queued before the notification is reported too. */
    int32_t first[2] = { 0, 0 };
    CHECK_EQUAL(ipc_mq_send(mq, first, sizeof first, 0, 0), 0);
    CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
    int64_t limit = now_ns() + PATIENCE;
    while (__atomic_load_n(&state.received, __ATOMIC_ACQUIRE) < 1) CHECK(now_ns() < limit);
    state.next[0] = 0;
    pid_t children[2];
    for (int i = 0; i < 2; i++) children[i] = start(send_bursts, &senders[i]);
    for (int i = 0; i < 2; i++) FINISH(children[i]);
    while (__atomic_load_n(&state.received, __ATOMIC_ACQUIRE) < 1 + 2 * BURSTS * BURST) {
      CHECK(now_ns() < limit);
      sched_yield();
    }
    CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
    /* The notification has ended, so nobody takes this message. */
    CHECK_EQUAL(ipc_mq_send(mq, first, sizeof first, 0, 0), 0);
    int32_t buffer[SIZE / 4];
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), sizeof first);
    CHECK_EQUAL(count_threads(), threads);
    CHECK_EQUAL(open_descriptors(), descriptors);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
