/* A thread that is stopped inside a call does not keep the calls of others for ever: large messages, whose calls take the
 * queue twice, and the calls without a timeout. Nothing is lost, and no room stays taken. */
#include "queue.h"

enum { LARGE = 20000, ROOM = 2 };

static const char *name;
static pid_t stopped;

/* The process is forked inside a handler of SIGSEGV, and has a trap of its own. */
static void unblock_traps(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGSEGV);
  CHECK_EQUAL(sigprocmask(SIG_UNBLOCK, &signals, NULL), 0);
}

static void small_sender(void *unused) {
  (void)unused;
  unblock_traps();
  ipc_mq_t *mq = join_queue(name, 0);
  char *message = set_trap(stop_here);
  CHECK_EQUAL(ipc_mq_send(mq, message, 16, 5, IPC_FOREVER), 0);
}

static void small_receiver(void *unused) {
  (void)unused;
  unblock_traps();
  ipc_mq_t *mq = join_queue(name, 0);
  char *buffer = set_trap(stop_here);
  CHECK(ipc_mq_receive(mq, buffer, LARGE, NULL, IPC_FOREVER) >= 0);
}

/* Called while the large message is copied: another process is stopped with the queue. */
static void stop_a_sender(void) { stopped = start_stopped(small_sender, NULL); }
static void stop_a_receiver(void) { stopped = start_stopped(small_receiver, NULL); }

static void resume(void) {
  continue_child(stopped);
  FINISH(stopped);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it stops elsewhere than the processor does");
  name = unique_name("large");
  ipc_mq_t *mq = make_queue(name, ROOM, LARGE);
  static char buffer[LARGE];
  char expected[80];
  void *reserved;
  const void *borrowed;
  ipc_mq_message_t message = { .data = buffer, .len = LARGE };

  /* A large send: not sent, and its room comes back. */
  static char text[LARGE];
  struct { int64_t timeout; int result; } cases[] = { { 100 * MILLISECOND, -ETIMEDOUT }, { 0, -EAGAIN } };
  for (int i = 0; i < 2; i++) {
    char *page = set_trap(stop_a_sender);
    /* The message begins before the page, in memory of its own, and ends in it. */
    char *start = mmap(NULL, LARGE + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQUAL(munmap(page, 4096), 0);
    trap_page = start + 8192;
    CHECK_EQUAL(mprotect(trap_page, 4096, PROT_NONE), 0);
    CHECK_EQUAL(ipc_mq_send(mq, start, LARGE, 1, cases[i].timeout), cases[i].result);
    if (cases[i].timeout == 0) {
      snprintf(expected, sizeof expected, "thread %d is in a call on the queue and does not run", (int)stopped);
      CHECK_LAST_ERROR(expected);
    }
    resume();
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, LARGE, NULL, 0), 16);
    CHECK_EQUAL(munmap(start, LARGE + 8192), 0);
    for (int j = 0; j < ROOM; j++) CHECK_EQUAL(ipc_mq_send(mq, text, LARGE, 1, 0), 0);
    CHECK_EQUAL(ipc_mq_send(mq, text, LARGE, 1, 0), -EAGAIN);
    for (int j = 0; j < ROOM; j++) CHECK_EQUAL(ipc_mq_receive(mq, buffer, LARGE, NULL, 0), LARGE);
  }

  /* A large receive: the message stays. */
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_mq_send(mq, text, LARGE, 7, 0), 0);
    CHECK_EQUAL(ipc_mq_send(mq, "small", 5, 3, 0), 0);
    (void)set_trap(stop_a_receiver);
    char *start = mmap(NULL, LARGE + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(start != MAP_FAILED);
    trap_page = start + 8192;
    CHECK_EQUAL(mprotect(trap_page, 4096, PROT_NONE), 0);
    CHECK_EQUAL(ipc_mq_receive(mq, start, LARGE, NULL, cases[i].timeout), cases[i].result);
    resume();
    CHECK_EQUAL(munmap(start, LARGE + 8192), 0);
    CHECK_EQUAL(ipc_mq_receive_many(mq, &message, 1, 0), 1);
    CHECK_EQUAL(message.len, LARGE);
    CHECK_EQUAL(message.priority, 7);
    CHECK_EQUAL(message.redeliveries, 1);
    message.len = LARGE;
    CHECK_EQUAL(count_of(mq), 0);
  }

  /* The calls without a timeout. The message is still reserved or borrowed. */
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), 0);
  stop_a_sender();
  snprintf(expected, sizeof expected, "thread %d is in a call on the queue and does not run", (int)stopped);
  int64_t start = now_ns();
  CHECK_FAILS(ipc_mq_commit(mq, reserved, 4, 1), -EAGAIN, expected);
  CHECK_FAILS(ipc_mq_abandon(mq, reserved), -EAGAIN, expected);
  CHECK(ipc_mq_fd(mq) >= 0); /* this call needs nobody */
  CHECK(now_ns() - start < 30 * SECOND);
  resume();
  CHECK_EQUAL(ipc_mq_commit(mq, reserved, 4, 9), 0);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 4);
  stop_a_receiver();
  CHECK_FAILS(ipc_mq_return(mq, borrowed), -EAGAIN, "does not run");
  resume();
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  expect_all_room(mq, ROOM);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
