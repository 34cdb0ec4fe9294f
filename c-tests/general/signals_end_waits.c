/* A signal handler ends a wait whenever it runs while the call sleeps, also 100 milliseconds after the wait began, also with
 * SA_RESTART: none is lost. The sender waits until the waiter sleeps, so each signal finds a sleeping call.
 *
 * One wait may sleep twice: between the sleeps it finds out whether the holder of the permit lives. A handler that runs
 * just then ends neither sleep, and the sender sends the signal again. */
#include "asleep.h"

static struct {
  ipc_sem_t sem;
  ipc_event_t manual, automatic;
  ipc_permits_t permits;
  volatile int ended, handled;
} *shared;

static ipc_mq_t *empty, *full;

static void handle(int number) {
  (void)number;
  shared->handled++;
}

enum { SEM, MANUAL, AUTOMATIC, PERMITS, RECEIVE, SEND, KINDS };
enum { SIGNALS = 300 };

static long wait_once(int kind) {
  char byte;
  unsigned permit;
  switch (kind) {
    case SEM: return ipc_sem_wait(&shared->sem, IPC_FOREVER);
    case MANUAL: return ipc_event_wait(&shared->manual, PATIENCE);
    case AUTOMATIC: return ipc_event_wait(&shared->automatic, IPC_FOREVER);
    case PERMITS: return ipc_permits_take(&shared->permits, &permit, PATIENCE);
    case RECEIVE: return ipc_mq_receive(empty, &byte, 1, NULL, IPC_FOREVER);
    default: return ipc_mq_send(full, "x", 1, 0, PATIENCE);
  }
}

static void waiter(void *argument) {
  int kind = ((int *)argument)[0], flags = ((int *)argument)[1];
  struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 1; i <= SIGNALS; i++) {
    CHECK_EQUAL(wait_once(kind), -EINTR);
    CHECK(kind == PERMITS ? shared->handled >= i : shared->handled == i);
    shared->ended = i;
  }
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->manual, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->automatic, IPC_EVENT_AUTO_RESET), 0);
  CHECK_EQUAL(ipc_permits_init(&shared->permits, 1), 0);
  unsigned permit;
  CHECK_EQUAL(ipc_permits_take(&shared->permits, &permit, 0), 0);
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = 1, .spin_ns = IPC_MQ_NO_SPIN };
  CHECK_EQUAL(ipc_mq_open(&empty, unique_name("empty"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&full, unique_name("full"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(full, "x", 1, 0, 0), 0);
  for (int kind = 0; kind < KINDS; kind++) {
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
      int what[] = { kind, flags };
      shared->ended = shared->handled = 0;
      int sent = 0;
      pid_t child = start(waiter, what);
      for (int i = 1; i <= SIGNALS; i++) {
        wait_until_on_futex(child);
        if (i % 100 == 0) {
          /* pace: the signal comes at the moment at which the library once ended its sleeps by itself. */
          struct timespec pause = { 0, 100 * MILLISECOND - 100000 };
          clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
        CHECK(kill(child, SIGUSR1) == 0);
        sent++;
        for (int64_t end = now_ns() + PATIENCE; shared->ended < i; sched_yield()) {
          if (now_ns() > end) test_failed(__FILE__, __LINE__, "signal %d did not end a wait of kind %d", i, kind);
          if (kind == PERMITS && shared->handled == sent && is_on_futex(child) && shared->ended < i) {
            CHECK(kill(child, SIGUSR1) == 0);
            sent++;
          }
        }
      }
      FINISH(child);
    }
  }
  CHECK_EQUAL(ipc_mq_close(empty), 0);
  CHECK_EQUAL(ipc_mq_close(full), 0);
  return 0;
}
