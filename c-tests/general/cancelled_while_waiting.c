/* A thread is cancelled while it waits in a call. No call is a cancellation point: the wait goes on until its event comes, the call
 * does its work, and the thread is cancelled afterwards, at the program's own cancellation point. */
#include "every_call.h"

#include <pthread.h>

typedef struct {
  const char *name;
  void (*before)(void);
  long (*wait)(void);
  void (*event)(void);
} Wait;

static Wait waits[64];
static int wait_count;

#define WAIT(id, before_, wait_, event_) \
  static void id##_set_up(void) { before_; } \
  static long id##_wait(void) { return (long)(wait_); } \
  static void id##_event(void) { event_; } \
  __attribute__((constructor)) static void id##_add(void) { \
    waits[wait_count++] = (Wait){ #id, id##_set_up, id##_wait, id##_event }; \
  }

/* Bytes. */
WAIT(read_full, PIPE, ipc_read_full(with.fds[0], with.buffer, 4, PATIENCE), CHECK(write(with.fds[1], "text", 4) == 4))
static char plenty[1 << 20];
static void drain(void) {
  for (size_t left = sizeof plenty; left > 0;) {
    ssize_t got = read(with.fds[0], plenty, left);
    CHECK(got > 0);
    left -= (size_t)got;
  }
}
WAIT(write_full, PIPE, ipc_write_full(with.fds[1], plenty, sizeof plenty, PATIENCE), drain())
static void open_other_end(void) {
  int fd = ipc_fifo_open(with.path, IPC_WRITE_ONLY, PATIENCE);
  MUST(fd);
}
WAIT(fifo_open, MUST(ipc_fifo_create(with.path, 0, 0600)), ipc_fifo_open(with.path, IPC_READ_ONLY, PATIENCE), open_other_end())
WAIT(sock_recv, PAIR, ipc_sock_recv(with.fds[0], with.buffer, 4, PATIENCE), CHECK(write(with.fds[1], "text", 4) == 4))
WAIT(sock_recv_fds, PAIR; with.fds[2] = -1,
     ipc_sock_recv_fds(with.fds[0], with.buffer, 1, &with.fds[2], 1, &(size_t){ 0 }, PATIENCE),
     MUST(ipc_sock_send_fds(with.fds[1], "t", 1, &with.fds[0], 1, 0)))
WAIT(sock_accept, LISTEN, ipc_sock_accept(with.fds[0], PATIENCE), MUST(ipc_sock_connect(with.path, IPC_SOCK_STREAM, 0, 0)))
WAIT(sock_connect, , ipc_sock_connect(with.path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, PATIENCE), LISTEN)
WAIT(pty_read, PTY, ipc_pty_read(with.fds[0], with.buffer, 4, PATIENCE), CHECK(write(with.fds[1], "text", 4) == 4))

/* Children. */
static const ipc_spawn_attr_t fed_attr = { .input = { .kind = IPC_STREAM_PIPE } };
WAIT(child_wait, MUST(ipc_spawn_with(&with.child, call_cat, 0, &fed_attr)), ipc_child_wait(with.child, NULL, PATIENCE),
     MUST(ipc_child_close_stdin(with.child)))
static const char *const call_slow[] = { "/bin/sh", "-c", "read line; echo done", NULL };
static ipc_exchange_t exchange;
static void start_slow(void) {
  const ipc_spawn_attr_t attr = { .input = { .kind = IPC_STREAM_FD, .fd = with.fds[0] }, .output = { .kind = IPC_STREAM_PIPE } };
  MUST(ipc_spawn_with(&with.child, call_slow, 0, &attr));
  exchange = (ipc_exchange_t){ .output = with.buffer, .output_capacity = sizeof with.buffer };
}
WAIT(child_communicate, PIPE; start_slow(), ipc_child_communicate(with.child, &exchange, PATIENCE),
     CHECK(write(with.fds[1], "\n", 1) == 1))

/* System V. */
WAIT(sysv_msg_receive, SYSV_MSG, ipc_sysv_msg_receive(with.sysv_msg, &(long){ 0 }, with.buffer, 64, IPC_MSG_ANY, 0, PATIENCE),
     MUST(ipc_sysv_msg_send(with.sysv_msg, 1, "text", 4, 0)))
WAIT(sysv_msg_receive_forever, SYSV_MSG,
     ipc_sysv_msg_receive(with.sysv_msg, &(long){ 0 }, with.buffer, 64, IPC_MSG_ANY, 0, IPC_FOREVER),
     MUST(ipc_sysv_msg_send(with.sysv_msg, 1, "text", 4, 0)))
WAIT(sysv_sem_op, SYSV_SEM, ipc_sysv_sem_op(with.sysv_sem, &(ipc_sysv_sem_op_t){ 0, -1, 0 }, 1, PATIENCE),
     MUST(ipc_sysv_sem_op(with.sysv_sem, &(ipc_sysv_sem_op_t){ 0, 1, 0 }, 1, 0)))

/* Message queues. */
#define FILL for (int i_ = 0; i_ < 4; i_++) MUST(ipc_mq_send(with.mq, "text", 4, 1, 0))
#define TAKE MUST(ipc_mq_receive(with.mq, with.buffer, 64, NULL, 0))
WAIT(mq_receive, MQ, ipc_mq_receive(with.mq, with.buffer, 64, NULL, PATIENCE), MUST(ipc_mq_send(with.mq, "text", 4, 1, 0)))
WAIT(mq_borrow, MQ, ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, PATIENCE), MUST(ipc_mq_send(with.mq, "text", 4, 1, 0)))
WAIT(mq_take_over, MQ_WITH_ONE; MUST(ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, 0)),
     ipc_mq_take_over(with.mq, &with.borrowed, NULL, NULL, PATIENCE), MUST(ipc_mq_hand_over(with.mq, with.borrowed, getpid())))
WAIT(mq_send, MQ; FILL, ipc_mq_send(with.mq, "text", 4, 1, PATIENCE), TAKE)
WAIT(mq_reserve, MQ; FILL, ipc_mq_reserve(with.mq, &with.message, PATIENCE), TAKE)
WAIT(mq_kernel_receive, KERNEL_MQ, ipc_mq_receive(with.mq, with.buffer, 64, NULL, PATIENCE),
     MUST(ipc_mq_send(with.mq, "text", 4, 1, 0)))
WAIT(mq_kernel_send, KERNEL_MQ; FILL, ipc_mq_send(with.mq, "text", 4, 1, PATIENCE), TAKE)

/* Locks. The event is in the thread that holds the lock. */
WAIT(mutex_lock, LOCKED, ipc_mutex_lock(&placed.mutex, PATIENCE), MUST(ipc_mutex_unlock(&placed.mutex)))
static long wait_for_signal(void) {
  MUST(ipc_mutex_lock(&placed.mutex, PATIENCE));
  long result = ipc_cond_wait(&placed.cond, &placed.mutex, PATIENCE);
  if (result >= 0) MUST(ipc_mutex_unlock(&placed.mutex));
  return result;
}
WAIT(cond_wait, COND, wait_for_signal(), MUST(ipc_mutex_lock(&placed.mutex, PATIENCE)); MUST(ipc_cond_signal(&placed.cond));
     MUST(ipc_mutex_unlock(&placed.mutex)))
WAIT(rwlock_read_lock, RWLOCK; MUST(ipc_rwlock_write_lock(&placed.rwlock, 0)), ipc_rwlock_read_lock(&placed.rwlock, PATIENCE),
     MUST(ipc_rwlock_unlock(&placed.rwlock)))
WAIT(rwlock_write_lock, RWLOCK; MUST(ipc_rwlock_read_lock(&placed.rwlock, 0)), ipc_rwlock_write_lock(&placed.rwlock, PATIENCE),
     MUST(ipc_rwlock_unlock(&placed.rwlock)))
WAIT(permits_take, MUST(ipc_permits_init(&placed.permits, 1)); MUST(ipc_permits_take(&placed.permits, &with.number, 0)),
     ipc_permits_take(&placed.permits, &with.number2, PATIENCE), MUST(ipc_permits_give(&placed.permits, with.number)))
WAIT(event_wait, EVENT, ipc_event_wait(&placed.event, PATIENCE), MUST(ipc_event_set(&placed.event)))
static long join_and_wait(void) {
  MUST(ipc_barrier_join(&placed.barrier));
  return ipc_barrier_wait(&placed.barrier, PATIENCE);
}
WAIT(barrier_wait, MUST(ipc_barrier_init(&placed.barrier, 2)); MUST(ipc_barrier_join(&placed.barrier)), join_and_wait(),
     MUST(ipc_barrier_wait(&placed.barrier, PATIENCE)))
static ipc_event_t *once_event;
static void run_until_event(void *context) {
  (void)context;
  MUST(ipc_event_set(&placed.event));
  MUST(ipc_event_wait(once_event, PATIENCE));
}
static pthread_t once_runner;
static void *run_once(void *unused) {
  MUST(ipc_once(&placed.once, run_until_event, NULL, 0));
  return unused;
}
static void start_once(void) {
  static ipc_event_t stored;
  once_event = &stored;
  MUST(ipc_event_init(once_event, 0));
  CHECK(pthread_create(&once_runner, NULL, run_once, NULL) == 0);
  MUST(ipc_event_wait(&placed.event, PATIENCE));
}
WAIT(once_run, EVENT; start_once(), ipc_once(&placed.once, call_once, NULL, PATIENCE), MUST(ipc_event_set(once_event));
     CHECK(pthread_join(once_runner, NULL) == 0))
WAIT(sem_wait, MUST(ipc_sem_init(&placed.sem, 0)), ipc_sem_wait(&placed.sem, PATIENCE), MUST(ipc_sem_post(&placed.sem)))
WAIT(sem_wait_posix, MUST(ipc_sem_open(&with.sem, with.name, 0, IPC_CREATE | IPC_POSIX, 0600)), ipc_sem_wait(with.sem, PATIENCE),
     MUST(ipc_sem_post(with.sem)))

static const Wait *current;
static pid_t waiting;
static long waited = 1 << 30;

static void *make_call(void *unused) {
  __atomic_store_n(&waiting, gettid(), __ATOMIC_RELEASE);
  long result = current->wait();
  int state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  CHECK_EQUAL(state, PTHREAD_CANCEL_ENABLE); /* as the program left it */
  waited = result;
  if (result < 0) test_failed(__FILE__, __LINE__, "%s: %ld: %s", current->name, result, ipc_last_error());
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
  pthread_testcancel();
  return unused;
}

static void in_a_process(void *argument) {
  current = argument;
  pthread_t thread;
  void *result;
  current->before();
  CHECK(pthread_create(&thread, NULL, make_call, NULL) == 0);
  while (!__atomic_load_n(&waiting, __ATOMIC_ACQUIRE)) sched_yield();
  wait_until_asleep(waiting);
  CHECK(pthread_cancel(thread) == 0);
  /* Time for a cancellation that would take effect. */
  for (int64_t end = now_ns() + 5 * MILLISECOND; now_ns() < end;) sched_yield();
  CHECK_EQUAL(pthread_tryjoin_np(thread, NULL), EBUSY);
  current->event();
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);
  CHECK(waited >= 0);
  if (with.sysv_msg != NULL) MUST(ipc_sysv_msg_remove(with.sysv_msg));
  if (with.sysv_sem != NULL) MUST(ipc_sysv_sem_remove(with.sysv_sem));
}

int main(int argc, char **argv) {
#ifndef __GLIBC__
  SKIP("pthread_cancel() of this C library interrupts a system call that is no cancellation point");
#endif
  SKIP_UNDER_VALGRIND("a process for each call takes too long there");
  int wrong = 0;
  for (int i = 0; i < wait_count; i++) {
    if (argc > 1 && strcmp(waits[i].name, argv[1]) != 0) continue;
    call_prepare(&every_call[i]); /* an entry only for the number in the names */
    int status = wait_for(start(in_a_process, &waits[i]));
    call_clean();
    if (status != 0) {
      fprintf(stderr, "%s: wait status %#x\n", waits[i].name, (unsigned)status);
      wrong++;
    }
  }
  CHECK_EQUAL(wrong, 0);
  return 0;
}
