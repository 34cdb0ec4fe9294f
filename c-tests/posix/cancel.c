/* Cancellation: mq_send(), mq_timedsend(), mq_receive() and mq_timedreceive() are cancellation points (POSIX,
 * System Interfaces 2.9.5). A cancelled call leaves the queue as if the call had not been made. */
#include "posix.h"

struct call {
  mqd_t mq;
  int sends, timed;
  _Atomic int cleaned;
};

static void clean(void *call) { ((struct call *)call)->cleaned++; }

static void make(struct call *call) {
  char buffer[SIZE];
  if (call->sends && call->timed) mq_timedsend(call->mq, "cancelled", 9, 9, DEADLINE);
  else if (call->sends) mq_send(call->mq, "cancelled", 9, 9);
  else if (call->timed) mq_timedreceive(call->mq, buffer, SIZE, NULL, DEADLINE);
  else mq_receive(call->mq, buffer, SIZE, NULL);
}

static void *block(void *call) {
  pthread_cleanup_push(clean, call);
  about_to_block();
  make(call);
  pthread_cleanup_pop(0);
  return NULL;
}

/* Cancels the four calls while they wait. */
static void cancel_while_blocked(int sends) {
  for (int timed = 0; timed < 2; timed++) {
    struct call call = { .mq = create(unique_name(), O_RDWR, 1), .sends = sends, .timed = timed };
    if (sends) put(call.mq, "stays", 0);
    for (int round = 0; round < 20; round++) {
      pthread_t thread = run(block, &call);
      wait_until_blocked();
      CHECK_EQUAL(pthread_cancel(thread), 0);
      CHECK(finish_thread(thread) == PTHREAD_CANCELED);
      CHECK_EQUAL(call.cleaned, round + 1);
    }
    /* No message is lost or added, and no waiter is left. */
    CHECK_EQUAL(count(call.mq), sends);
    if (sends) TAKE(call.mq, "stays");
    put(call.mq, "works", 0);
    CHECK_FAILS(mq_timedsend(call.mq, "x", 1, 0, PAST), ETIMEDOUT);
    TAKE(call.mq, "works");
  }
}

TEST(cancelled_receive) { cancel_while_blocked(0); }
TEST(cancelled_send) { cancel_while_blocked(1); }

static void *cancelled_before(void *argument) {
  struct call *call = argument;
  pthread_cleanup_push(clean, call);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
  CHECK_EQUAL(pthread_cancel(pthread_self()), 0);
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
  make(call);
  pthread_cleanup_pop(0);
  return NULL;
}

TEST(cancelled_before_the_call) {
  /* The cancellation takes effect although no call would have to wait, and before the call does anything. */
  for (int kind = 0; kind < 4; kind++) {
    struct call call = { .mq = create(unique_name(), O_RDWR, 2), .sends = kind & 1, .timed = kind >> 1 };
    put(call.mq, "stays", 0);
    CHECK(finish_thread(run(cancelled_before, &call)) == PTHREAD_CANCELED);
    CHECK_EQUAL(call.cleaned, 1);
    CHECK_EQUAL(count(call.mq), 1);
    TAKE(call.mq, "stays");
  }
}

static void *not_cancelled(void *call) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
  about_to_block();
  make(call);
  return (void *)1;
}

TEST(cancelling_disabled) {
  struct call call = { .mq = create(unique_name(), O_RDWR, 1) };
  pthread_t thread = run(not_cancelled, &call);
  wait_until_blocked();
  CHECK_EQUAL(pthread_cancel(thread), 0);
  put(call.mq, "x", 0);
  CHECK(finish_thread(thread) == (void *)1);
  CHECK_EQUAL(count(call.mq), 0);
}

static void *look_around(void *argument) {
  struct call *call = argument;
  struct mq_attr attr;
  int state, type;
  CHECK_EQUAL(mq_getattr(call->mq, &attr), 0);
  put(call->mq, "x", 0);
  TAKE(call->mq, "x");
  /* The calls leave the thread's cancelability as it was. */
  CHECK_EQUAL(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
  CHECK_EQUAL(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type), 0);
  CHECK_EQUAL(state, PTHREAD_CANCEL_ENABLE);
  CHECK_EQUAL(type, PTHREAD_CANCEL_DEFERRED);
  return NULL;
}

TEST(cancelability_restored) {
  struct call call = { .mq = create(unique_name(), O_RDWR, 1) };
  look_around(&call);
  pthread_t thread = run(look_around, &call);
  finish_thread(thread);
}

/* A message and a cancellation come at the same time: the message is received, or it stays in the queue. */
static _Atomic int received;
static void *receive_and_count(void *argument) {
  struct call *call = argument;
  char buffer[SIZE];
  int state;
  about_to_block();
  ssize_t length = mq_receive(call->mq, buffer, SIZE, NULL);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  if (length == 1) received++;
  return NULL;
}

TEST(cancelled_as_the_message_comes) {
  struct call call = { .mq = create(unique_name(), O_RDWR, 4) };
  for (int round = 0; round < 300; round++) {
    pthread_t thread = run(receive_and_count, &call);
    wait_until_blocked();
    received = 0;
    if (round % 2 == 0) {
      put(call.mq, "x", 0);
      CHECK_EQUAL(pthread_cancel(thread), 0);
    } else {
      CHECK_EQUAL(pthread_cancel(thread), 0);
      put(call.mq, "x", 0);
    }
    int cancelled = finish_thread(thread) == PTHREAD_CANCELED;
    CHECK(!received || !cancelled);
    long left = count(call.mq);
    CHECK(left == 0 || left == 1);
    CHECK(!(received && left == 1)); /* never twice */
    if (left == 1) TAKE(call.mq, "x");
  }
}

static void *open_when_cancelled(void *name) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
  CHECK_EQUAL(pthread_cancel(pthread_self()), 0);
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
  mqd_t mq = mq_open(name, O_RDONLY);
  CHECK(mq >= 0);
  CHECK_EQUAL(mq_close(mq), 0);
  return NULL;
}

TEST(cancelled_while_opening) {
  /* POSIX lets the system choose whether mq_open() is a cancellation point. Others must be able to open afterwards. */
  const char *name = unique_name();
  mq_close(create(name, O_RDWR, 1));
  finish_thread(run(open_when_cancelled, (void *)name));
  mqd_t mq = join(name, O_RDWR);
  put(mq, "x", 0);
  TAKE(mq, "x");
}
