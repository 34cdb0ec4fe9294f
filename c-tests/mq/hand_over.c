/* ipc_mq_hand_over() gives a borrowed message to a thread or to a process, and only that one takes it with
 * ipc_mq_take_over(). The giver has it no more, and the taker has it as if it had borrowed it. A receiver that ends
 * before it takes the message, or before it returns it, gives it back to the queue. */
#include "queue.h"
#include <pthread.h>

static const char *name;
static ipc_mq_t *mq;
static const void *message;
static _Atomic pid_t thread_id;

static void borrow(const char *text) {
  send_text(mq, text, 3);
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, 0), (ssize_t)strlen(text));
}

/* Takes what was handed over, and checks it. */
static const void *take(ipc_mq_t *queue, const char *text, int64_t timeout) {
  const void *taken = NULL;
  unsigned priority = 99, redeliveries = 99;
  CHECK_EQUAL(ipc_mq_take_over(queue, &taken, &priority, &redeliveries, timeout), (ssize_t)strlen(text));
  CHECK_EQUAL((uintptr_t)taken % 64, 0);
  CHECK(memcmp(taken, text, strlen(text)) == 0);
  CHECK_EQUAL(priority, 3);
  CHECK_EQUAL(redeliveries, 0);
  return taken;
}

static void wrong_values(void) {
  const void *out = &message;
  const void *const untouched = out;
  CHECK_EQUAL(ipc_mq_take_over(mq, &out, NULL, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_take_over(mq, &out, NULL, NULL, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_take_over(mq, NULL, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_take_over(NULL, &out, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_take_over(mq, (const void **)((char *)&out + 1), NULL, NULL, 0), -EINVAL);
  CHECK(out == untouched);
  CHECK_EQUAL(ipc_mq_hand_over(NULL, message, getpid()), -EINVAL);
  CHECK_EQUAL(ipc_mq_hand_over(mq, NULL, getpid()), -EINVAL);
  CHECK_EQUAL(ipc_mq_hand_over(mq, name, getpid()), -EINVAL);
  borrow("text");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, -1), -EINVAL);
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, INT32_MAX), -EINVAL);
  pid_t ended = fork();
  if (ended == 0) _exit(0);
  siginfo_t info;
  CHECK_EQUAL(waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT), 0);
  CHECK_FAILS(ipc_mq_hand_over(mq, message, ended), -ESRCH, "still borrowed"); /* a zombie */
  CHECK_EQUAL(wait_for(ended), 0);
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, ended), -ESRCH);
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, getpid()), -EINVAL);

  ipc_mq_t *other = join_queue(name, IPC_WRITE_ONLY);
  CHECK_EQUAL(ipc_mq_take_over(other, &out, NULL, NULL, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_take_over(other, &out, NULL, NULL, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_hand_over(other, message, getpid()), -EBADF);
  other = join_queue(name, IPC_NONBLOCK);
  CHECK_EQUAL(ipc_mq_take_over(other, &out, NULL, NULL, IPC_FOREVER), -EAGAIN);
  CHECK_EQUAL(ipc_mq_close(other), 0);
}

static void *takes_and_returns(void *unused) {
  (void)unused;
  thread_id = (pid_t)syscall(SYS_gettid);
  const void *taken = take(mq, "thread", PATIENCE);
  CHECK(taken == message);
  CHECK_EQUAL(ipc_mq_close(mq), -EBUSY);
  CHECK_EQUAL(ipc_mq_return(mq, taken), 0);
  CHECK_EQUAL(ipc_mq_return(mq, taken), -EINVAL);
  return NULL;
}

static void *refused(void *unused) {
  (void)unused;
  const void *out;
  CHECK_FAILS(ipc_mq_hand_over(mq, message, getpid()), -EPERM, "belongs to thread");
  CHECK_EQUAL(ipc_mq_take_over(mq, &out, NULL, NULL, 0), -EAGAIN);
  return NULL;
}

static void run(void *(*body)(void *)) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, body, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void to_a_thread(void) {
  pthread_t thread;
  const void *out;
  borrow("thread");
  run(refused);
  thread_id = 0;
  CHECK_EQUAL(pthread_create(&thread, NULL, takes_and_returns, NULL), 0);
  while (thread_id == 0) sched_yield();
  wait_until_on_futex(thread_id);
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, thread_id), 0);
  CHECK_EQUAL(ipc_mq_take_over(mq, &out, NULL, NULL, 0), -EAGAIN);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  /* To the caller's own process: any of its threads, this one too. */
  borrow("one");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, getpid()), 0);
  CHECK_FAILS(ipc_mq_return(mq, message), -EINVAL, "handed over to");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, getpid()), -EINVAL);
  CHECK_EQUAL(ipc_mq_return(mq, take(mq, "one", IPC_FOREVER)), 0);
}

static void *takes_ours(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_mq_return(mq, take(mq, "ours", 0)), 0);
  return NULL;
}

static void child_takes(void *unused) {
  (void)unused;
  ipc_mq_t *own = join_queue(name, 0);
  const void *taken = take(own, "process", PATIENCE);
  CHECK_EQUAL(ipc_mq_hand_over(own, taken, getppid()), 0); /* and back */
  CHECK_EQUAL(ipc_mq_close(own), 0);
}

static void child_dies_waiting(void *unused) {
  (void)unused;
  stop_here();
  for (;;) pause();
}

static void child_takes_and_dies(void *unused) {
  (void)unused;
  ipc_mq_t *own = join_queue(name, 0);
  take(own, "lost", PATIENCE);
  raise(SIGKILL);
}

static void waits_for_message(void *unused) {
  (void)unused;
  char byte[16];
  CHECK_EQUAL(ipc_mq_receive(join_queue(name, 0), byte, sizeof byte, NULL, PATIENCE), 4);
}

static void to_a_process(void) {
  pid_t child = start_asleep(child_takes, NULL);
  borrow("process");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, child), 0);
  const void *back = take(mq, "process", PATIENCE);
  FINISH(child);
  CHECK_EQUAL(ipc_mq_return(mq, back), 0);

  /* The receiver dies before it takes the message. A receiver that waits for messages gets it. */
  child = start_stopped(child_dies_waiting, NULL);
  borrow("lost");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, child), 0);
  CHECK_EQUAL(ipc_mq_close(join_queue(name, 0)), 0);
  CHECK_EQUAL(count_of(mq), 0);
  pid_t waiter = start_asleep(waits_for_message, NULL);
  uint64_t before = stat_of(mq).redelivered;
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  FINISH(waiter); /* also while the dead child is a zombie */
  CHECK_EQUAL(wait_for(child), SIGKILL);
  CHECK_EQUAL(stat_of(mq).redelivered, before + 1);

  /* It dies after it has taken the message. */
  child = start_asleep(child_takes_and_dies, NULL);
  borrow("lost");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, child), 0);
  CHECK_EQUAL(wait_for(child), SIGKILL);
  expect_text(mq, "lost", 1);
}

static void on_alarm(int signal) { (void)signal; }

static void is_interrupted(void *unused) {
  (void)unused;
  struct sigaction action = { .sa_handler = on_alarm };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  const void *out;
  ipc_mq_t *own = join_queue(name, 0);
  CHECK_EQUAL(ipc_mq_take_over(own, &out, NULL, NULL, PATIENCE), -EINTR);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows no pidfd_open");
  name = unique_name("hand-over");
  mq = make_queue(name, 4, 100);
  wrong_values();
  to_a_thread();
  borrow("ours");
  CHECK_EQUAL(ipc_mq_hand_over(mq, message, getpid()), 0);
  run(takes_ours);
  to_a_process();
  CHECK_EQUAL(interrupt_until_ended(start_asleep(is_interrupted, NULL), SIGUSR1), 0);

  /* In the order of receiving, also if a message was borrowed later. */
  const void *several[3];
  for (int i = 0; i < 3; i++) {
    char text[2] = { (char)('a' + i), 0 };
    send_text(mq, text, i == 2 ? 9 : 3);
    CHECK_EQUAL(ipc_mq_borrow(mq, &several[i], NULL, NULL, 0), 1);
  }
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mq_hand_over(mq, several[i], getpid()), 0);
  for (int i = 0; i < 3; i++) {
    CHECK_EQUAL(ipc_mq_take_over(mq, &message, NULL, NULL, 0), 1);
    CHECK_EQUAL(*(const char *)message, "cab"[i]);
    CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  }
  expect_all_room(mq, 4);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
