/* A process may be killed at any moment: each of its messages is then whole or absent, and the others go on. */
#include "posix.h"

#include <poll.h>
#include <setjmp.h>

struct record {
  uint32_t number, copies[SIZE / 4 - 1];
};

static void stream(void *name) {
  mqd_t mq = join(name, O_WRONLY);
  struct record record;
  for (uint32_t number = 1;; number++) {
    record.number = number;
    for (size_t i = 0; i < sizeof record.copies / sizeof record.copies[0]; i++) record.copies[i] = number;
    CHECK_EQUAL(mq_send(mq, (const char *)&record, sizeof record, number % 3), 0);
  }
}

static void check_whole(const struct record *record) {
  for (size_t i = 0; i < sizeof record->copies / sizeof record->copies[0]; i++)
    CHECK_EQUAL(record->copies[i], record->number);
}

static void drain(void *name) {
  mqd_t mq = join(name, O_RDONLY);
  for (;;) {
    struct record record;
    CHECK_EQUAL(mq_receive(mq, (char *)&record, sizeof record, NULL), sizeof record);
    check_whole(&record);
  }
}

TEST(killed_sender) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDONLY, 4);
  for (int round = 0; round < 100; round++) {
    pid_t child = start(stream, (void *)name);
    uint32_t last[3] = { 0 };
    struct record record;
    /* After these messages the child is in the middle of the next ones. */
    for (int i = 0; i < 20 + 7 * round; i++) {
      CHECK_EQUAL(mq_timedreceive(mq, (char *)&record, sizeof record, NULL, DEADLINE), sizeof record);
      check_whole(&record);
      CHECK(record.number > last[record.number % 3]);
      last[record.number % 3] = record.number;
    }
    KILL(child);
    while (mq_timedreceive(mq, (char *)&record, sizeof record, NULL, PAST) >= 0) check_whole(&record);
    CHECK_EQUAL(errno, ETIMEDOUT);
    CHECK_EQUAL(count(mq), 0);
  }
}

TEST(killed_receiver) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 4);
  for (int round = 0; round < 100; round++) {
    pid_t child = start(drain, (void *)name);
    struct record record;
    for (uint32_t number = 0; number < 20 + 7 * (uint32_t)round; number++) {
      record.number = number;
      for (size_t i = 0; i < sizeof record.copies / sizeof record.copies[0]; i++) record.copies[i] = number;
      CHECK_EQUAL(mq_timedsend(mq, (const char *)&record, sizeof record, 0, DEADLINE), 0);
    }
    KILL(child);
    while (mq_timedreceive(mq, (char *)&record, sizeof record, NULL, PAST) >= 0) check_whole(&record);
    for (int i = 0; i < 4; i++) put(mq, "all four places are there", 0);
    CHECK_FAILS(mq_timedsend(mq, "x", 1, 0, PAST), ETIMEDOUT);
    for (int i = 0; i < 4; i++) TAKE(mq, "all four places are there");
  }
}

static void check_told(mqd_t mq) {
  put(mq, "told of", 0);
  struct pollfd entry = { .fd = mq, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, PATIENCE_SECONDS * 1000), 1);
  TAKE(mq, "told of");
}

static void receive(void *name) {
  char message[SIZE];
  mqd_t mq = join(name, O_RDONLY);
  about_to_block();
  mq_receive(mq, message, sizeof message, NULL);
  exit(1);
}

TEST(receiver_not_waited_for) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 4);
  pid_t child = start(receive, (void *)name);
  CHECK_EQUAL(wait_until_blocked(), child);
  kill(child, SIGKILL);
  siginfo_t info;
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  for (int i = 0; i < 3; i++) check_told(mq);
  wait_for(child);
  check_told(mq);
}

static sigjmp_buf before_receive;

static void jump(int number) {
  (void)number;
  siglongjmp(before_receive, 1);
}

static void *interrupt_receiver(void *receiver) {
  wait_until_blocked();
  CHECK_EQUAL(pthread_kill(*(pthread_t *)receiver, SIGUSR1), 0);
  return NULL;
}

TEST(receiver_that_jumped) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 4);
  char message[SIZE];
  signal(SIGUSR1, jump);
  pthread_t receiver = pthread_self(), interrupter = run(interrupt_receiver, &receiver);
  if (sigsetjmp(before_receive, 1) == 0) {
    about_to_block();
    mq_receive(mq, message, sizeof message, NULL);
    CHECK(!"received");
  }
  finish_thread(interrupter);
  for (int i = 0; i < 3; i++) check_told(mq);
}
