/* Two processes that are bound to one processor hand something to and fro. Neither keeps the processor from the other: nobody
 * yields, because a yield only passes the processor on, after a spin that was in vain. The same with a real-time policy, in
 * which a spinning process would get the processor back at once. The kernel sends SIGSYS for each sched_yield, and its handler
 * counts. */
#include "asleep.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

enum { QUEUE, SEM, EVENT, COND, BARRIER, SERVICE, TOPIC, CELL, KINDS };
enum { ROUNDS = 300 };

static const char *const names_of_kinds[KINDS] = { "queue", "semaphore", "event", "condition variable", "barrier", "service", "topic",
  "cell" };

static struct {
  _Atomic int yields;
  ipc_sem_t sems[2];
  ipc_event_t events[2];
  ipc_mutex_t mutex;
  ipc_cond_t conds[2];
  int turn;
  ipc_barrier_t barrier;
} *shared;

static const char *queues[2], *topics[2], *cells[2], *service;
static const ipc_type_t type = IPC_TYPE(uint64_t, 1);

static void count_yield(int number) {
  (void)number;
  shared->yields++;
}

static void notice_yields(void) {
  struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = { .len = sizeof program / sizeof program[0], .filter = program };
  struct sigaction action = { .sa_handler = count_yield };
  CHECK(sigaction(SIGSYS, &action, NULL) == 0);
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void stay_on_this_processor(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

/* What one side has open. Side 0 begins each round and ends it. */
typedef struct {
  ipc_mq_t *queues[2];
  ipc_topic_t *from, *to;
  ipc_cell_t *cells[2];
  ipc_service_t *service;
  ipc_client_t *client;
} Side;

static void open_side(Side *side, int number) {
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_mq_open(&side->queues[i], queues[i], NULL, 0, 0), IPC_OPENED);
    CHECK_EQUAL(ipc_cell_open(&side->cells[i], cells[i], &type, 0, 0), IPC_OPENED);
  }
  CHECK_EQUAL(ipc_topic_open(&side->to, topics[number], NULL, IPC_WRITE_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_open(&side->from, topics[!number], NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  if (number == 0) CHECK_EQUAL(ipc_client_open(&side->client, service, 0), 0);
  else CHECK_EQUAL(ipc_service_open(&side->service, service, NULL, 0, 0), IPC_OPENED);
}

static void give(Side *side, int kind, int number, uint64_t round) {
  switch (kind) {
    case QUEUE: CHECK_EQUAL(ipc_mq_send(side->queues[number], &round, sizeof round, 0, PATIENCE), 0); break;
    case SEM: CHECK_EQUAL(ipc_sem_post(&shared->sems[number]), 0); break;
    case EVENT: CHECK_EQUAL(ipc_event_set(&shared->events[number]), 0); break;
    case COND:
      CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
      shared->turn = !number;
      CHECK_EQUAL(ipc_cond_signal(&shared->conds[number]), 0);
      CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
      break;
    case TOPIC: CHECK_EQUAL(ipc_topic_send(side->to, &round, sizeof round, PATIENCE), 0); break;
    case CELL: CHECK_EQUAL(ipc_cell_write(side->cells[number], &round), 0); break;
  }
}

static void take(Side *side, int kind, int number, uint64_t round) {
  uint64_t found = round;
  switch (kind) {
    case QUEUE: CHECK_EQUAL(ipc_mq_receive(side->queues[!number], &found, sizeof found, NULL, PATIENCE), sizeof found); break;
    case SEM: CHECK_EQUAL(ipc_sem_wait(&shared->sems[!number], PATIENCE), 0); break;
    case EVENT: CHECK_EQUAL(ipc_event_wait(&shared->events[!number], PATIENCE), 0); break;
    case COND:
      CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), 0);
      while (shared->turn != number) CHECK_EQUAL(ipc_cond_wait(&shared->conds[!number], &shared->mutex, PATIENCE), 0);
      CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
      break;
    case TOPIC: CHECK_EQUAL(ipc_topic_receive(side->from, &found, sizeof found, NULL, PATIENCE), sizeof found); break;
    case CELL: CHECK_EQUAL(ipc_cell_wait(side->cells[!number], &found, round - 1, NULL, PATIENCE), 0); break;
  }
  CHECK_EQUAL(found, round);
}

static void serve(Side *side, uint64_t round) {
  ipc_request_t request;
  uint64_t found;
  CHECK_EQUAL(ipc_service_receive(side->service, &found, sizeof found, &request, PATIENCE), sizeof found);
  CHECK_EQUAL(found, round);
  CHECK_EQUAL(ipc_service_reply(side->service, &request, &found, sizeof found), 0);
}

static void call(Side *side, uint64_t round) {
  uint64_t found = 0;
  CHECK_EQUAL(ipc_client_call(side->client, &round, sizeof round, 0, &found, sizeof found, PATIENCE), sizeof found);
  CHECK_EQUAL(found, round);
}

static void exchange(Side *side, int number, int kind) {
  for (uint64_t round = 1; round <= ROUNDS; round++) {
    if (kind == BARRIER) {
      CHECK(ipc_barrier_wait(&shared->barrier, PATIENCE) >= 0);
    } else if (kind == SERVICE) {
      if (number == 0) call(side, round);
      else serve(side, round);
    } else {
      if (number == 0) give(side, kind, number, round);
      take(side, kind, number, round);
      if (number == 1) give(side, kind, number, round);
    }
  }
  if (kind == BARRIER) CHECK_EQUAL(ipc_barrier_leave(&shared->barrier), 0);
}

static int kind_under_test;

static int set_policy(int policy) {
  struct sched_param priority = { .sched_priority = policy == SCHED_FIFO };
  return (int)syscall(SYS_sched_setscheduler, 0, policy, &priority); /* musl's function always fails */
}

static void answer(void *policy) {
  CHECK(set_policy(*(int *)policy) == 0);
  Side side = { 0 };
  open_side(&side, 1);
  notice_yields();
  exchange(&side, 1, kind_under_test);
  _exit(0);
}

static void test_all(int policy) {
  for (kind_under_test = 0; kind_under_test < KINDS; kind_under_test++) {
    ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 8 };
    ipc_topic_attr_t topic_attr = { .sample_size = 8, .capacity = 4 };
    ipc_service_attr_t service_attr = { .request_size = 8, .reply_size = 8, .max_requests = 4, .max_clients = 4 };
    ipc_mq_t *mq[2];
    ipc_topic_t *topic[2];
    ipc_cell_t *cell[2];
    ipc_service_t *served;
    for (int i = 0; i < 2; i++) {
      CHECK_EQUAL(ipc_mq_open(&mq[i], queues[i], &attr, IPC_CREATE, 0600), IPC_CREATED);
      CHECK_EQUAL(ipc_topic_open(&topic[i], topics[i], &topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
      CHECK_EQUAL(ipc_cell_open(&cell[i], cells[i], &type, IPC_CREATE, 0600), IPC_CREATED);
    }
    CHECK_EQUAL(ipc_service_open(&served, service, &service_attr, IPC_CREATE, 0600), IPC_CREATED);
    shared->turn = 0;
    Side side = { 0 };
    open_side(&side, 0);
    pid_t child = start(answer, &policy);
    /* A topic's sample that comes before its subscriber is lost. This wait yields too. */
    wait_until_on_futex(child);
    shared->yields = 0;
    CHECK(set_policy(policy) == 0);
    exchange(&side, 0, kind_under_test);
    CHECK(set_policy(SCHED_OTHER) == 0);
    FINISH(child);
    printf("policy %d, %s: %d yields\n", policy, names_of_kinds[kind_under_test], shared->yields);
    /* A thread that has lost the processor inside a section may be waited for with a yield. */
    CHECK(shared->yields <= ROUNDS / 10);
    for (int i = 0; i < 2; i++) {
      CHECK_EQUAL(ipc_mq_close(mq[i]), 0);
      CHECK_EQUAL(ipc_mq_close(side.queues[i]), 0);
      CHECK_EQUAL(ipc_mq_unlink(queues[i], 0), 0);
      CHECK_EQUAL(ipc_topic_close(topic[i]), 0);
      CHECK_EQUAL(ipc_topic_unlink(topics[i]), 0);
      CHECK_EQUAL(ipc_cell_close(cell[i]), 0);
      CHECK_EQUAL(ipc_cell_close(side.cells[i]), 0);
      CHECK_EQUAL(ipc_cell_unlink(cells[i]), 0);
    }
    CHECK_EQUAL(ipc_topic_close(side.from), 0);
    CHECK_EQUAL(ipc_topic_close(side.to), 0);
    CHECK_EQUAL(ipc_client_close(side.client), 0);
    CHECK_EQUAL(ipc_service_close(served), 0);
    CHECK_EQUAL(ipc_service_unlink(service), 0);
  }
}

int main(void) {
  SKIP_UNDER_VALGRIND("it yields by itself");
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_barrier_init(&shared->barrier, 2), 0);
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_sem_init(&shared->sems[i], 0), 0);
    CHECK_EQUAL(ipc_event_init(&shared->events[i], IPC_EVENT_AUTO_RESET), 0);
    CHECK_EQUAL(ipc_cond_init(&shared->conds[i]), 0);
    queues[i] = unique_name(i ? "queue1" : "queue0");
    topics[i] = unique_name(i ? "topic1" : "topic0");
    cells[i] = unique_name(i ? "cell1" : "cell0");
  }
  service = unique_name("service");
  stay_on_this_processor();
  notice_yields();
  test_all(SCHED_OTHER);
  if (set_policy(SCHED_FIFO) == 0 && set_policy(SCHED_OTHER) == 0) test_all(SCHED_FIFO);
  return 0;
}
