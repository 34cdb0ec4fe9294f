/* A giver is killed after each of many instructions of ipc_mq_hand_over(): the message is the receiver's, or it is in
 * the queue again, and never both or neither. A receiver is killed in the same way in ipc_mq_take_over(): the message
 * is in the queue again. */
#include "queue.h"
#include <limits.h>
#include <sys/ptrace.h>

enum { POINTS = 60, LAST_POINTS = 30 };

static const char *name;
static ipc_mq_t *mq;

static void begin(void) {
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
}

static void gives(void *unused) {
  (void)unused;
  ipc_mq_t *own = join_queue(name, 0);
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(own, &message, NULL, NULL, 0), 1);
  begin();
  CHECK_EQUAL(ipc_mq_hand_over(own, message, getppid()), 0);
  raise(SIGSTOP);
}

static void takes(void *unused) {
  (void)unused;
  ipc_mq_t *own = join_queue(name, 0);
  const void *message;
  begin();
  CHECK_EQUAL(ipc_mq_take_over(own, &message, NULL, NULL, PATIENCE), 1);
  raise(SIGSTOP);
}

/* Runs a stopped child for up to `steps` instructions, and then kills it. Returns how many it has run. */
static long run_and_kill(pid_t child, long steps) {
  long count = 0;
  for (int status; count < steps; count++) {
    CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status));
    if (WSTOPSIG(status) == SIGSTOP) break;
  }
  KILL(child);
  return count;
}

static pid_t start_victim(void (*body)(void *)) {
  pid_t child = start(body, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no process may be traced");
  CHECK(WIFSTOPPED(status));
  return child;
}

/* Whether the message is in the queue; it is then received. */
static int is_back(void) {
  char byte;
  unsigned priority;
  ssize_t length = ipc_mq_receive(mq, &byte, 1, &priority, 0);
  if (length == -EAGAIN) return 0;
  CHECK_EQUAL(length, 1);
  CHECK(byte == 'm' && priority == 2);
  return 1;
}

/* Whether the message was handed over to this process; it is then returned. */
static int is_mine(void) {
  const void *message;
  ssize_t length = ipc_mq_take_over(mq, &message, NULL, NULL, 0);
  if (length == -EAGAIN) return 0;
  CHECK_EQUAL(length, 1);
  CHECK_EQUAL(*(const char *)message, 'm');
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  return 1;
}

static int kill_giver(long steps, long *count) {
  send_text(mq, "m", 2);
  *count = run_and_kill(start_victim(gives), steps);
  int mine = is_mine(), back = is_back();
  CHECK_EQUAL(mine + back, 1);
  expect_all_room(mq, 2);
  return mine;
}

static void kill_receiver(long steps, long *count) {
  send_text(mq, "m", 2);
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, 0), 1);
  pid_t child = start_victim(takes);
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, child), 0);
  *count = run_and_kill(child, steps);
  CHECK_EQUAL(is_mine(), 0);
  CHECK_EQUAL(is_back(), 1);
  expect_all_room(mq, 2);
}

int main(void) {
  SKIP_UNDER_VALGRIND("its instructions are not the program's");
#ifndef __x86_64__
  SKIP("stepping through atomic operations needs x86-64");
#endif
  name = unique_name("hand-over-killed");
  mq = make_queue(name, 2, 16);
  long all, count;
  CHECK_EQUAL(kill_giver(LONG_MAX, &all), 1);
  int given = 0;
  for (int i = 0; i < POINTS; i++) given += kill_giver(all * i / POINTS, &count);
  /* The message is handed over near the end. */
  for (int i = 0; i < LAST_POINTS; i++) given += kill_giver(all - 1 - 4 * i, &count);
  /* On old kernels the number of instructions differs from call to call, and the others may need more than the first. */
  for (long steps = all; given == 0 && steps < 16 * all; steps += all / 4) given += kill_giver(steps, &count);
  printf("%ld instructions, handed over at %d of %d points\n", all, given, POINTS + LAST_POINTS);
  fflush(stdout);
  CHECK(given > 0 && given < POINTS + LAST_POINTS);
  kill_receiver(LONG_MAX, &all);
  for (int i = 0; i < POINTS; i++) kill_receiver(all * i / POINTS, &count);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
