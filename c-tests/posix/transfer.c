/* mq_send(3), mq_timedsend(3), mq_receive(3) and mq_timedreceive(3). If the plain and the timed call have to behave
 * alike, both are tested. */
#include "posix.h"

static ssize_t receive(mqd_t mq, char *buffer, int timed) {
  return timed ? mq_timedreceive(mq, buffer, SIZE, NULL, DEADLINE) : mq_receive(mq, buffer, SIZE, NULL);
}

static int send_text(mqd_t mq, const char *text, int timed) {
  return timed ? mq_timedsend(mq, text, strlen(text), 0, DEADLINE) : mq_send(mq, text, strlen(text), 0);
}

TEST(highest_priority_first) {
  mqd_t mq = create(unique_name(), O_RDWR, 10);
  static const unsigned order[] = { 3, 0, 32767, 7, 1, 7, 32766, 0, 2, 3 };
  static const unsigned sorted[] = { 32767, 32766, 7, 7, 3, 3, 2, 1, 0, 0 };
  for (int i = 0; i < 10; i++) CHECK_EQUAL(mq_send(mq, (const char *)&order[i], sizeof order[i], order[i]), 0);
  for (int i = 0; i < 10; i++) {
    char buffer[SIZE];
    unsigned priority = 99, sent;
    CHECK_EQUAL(mq_receive(mq, buffer, SIZE, &priority), sizeof sent);
    memcpy(&sent, buffer, sizeof sent);
    CHECK_EQUAL(priority, sorted[i]);
    CHECK_EQUAL(sent, sorted[i]);
  }
}

TEST(oldest_first_within_a_priority) {
  mqd_t mq = create(unique_name(), O_RDWR, 10);
  char text[8];
  for (int i = 0; i < 10; i++) {
    snprintf(text, sizeof text, "%d", i);
    put(mq, text, (unsigned)i % 2);
  }
  for (int i = 0; i < 10; i++) {
    snprintf(text, sizeof text, "%d", i < 5 ? 2 * i + 1 : 2 * (i - 5));
    TAKE(mq, text);
  }
}

/* The reference is as simple as possible: an array, of which the first message of the highest priority is taken. */
TEST(any_order_of_calls) {
  struct { unsigned priority, number; } model[10];
  int length = 0;
  unsigned random = 12345;
  mqd_t mq = create(unique_name(), O_RDWR | O_NONBLOCK, 10);
  for (unsigned number = 0; number < 20000; number++) {
    random = random * 1103515245 + 12345;
    if ((random >> 16) % 2 == 0) {
      unsigned priority = (random >> 20) % 4 * 8191;
      int result = mq_send(mq, (const char *)&number, sizeof number, priority);
      if (length == 10) {
        CHECK(result == -1 && errno == EAGAIN);
        continue;
      }
      CHECK_EQUAL(result, 0);
      model[length].priority = priority;
      model[length++].number = number;
    } else {
      char buffer[SIZE];
      unsigned priority, found;
      ssize_t result = mq_receive(mq, buffer, SIZE, &priority);
      if (length == 0) {
        CHECK(result == -1 && errno == EAGAIN);
        continue;
      }
      int best = 0;
      for (int i = 1; i < length; i++)
        if (model[i].priority > model[best].priority) best = i;
      CHECK_EQUAL(result, sizeof found);
      memcpy(&found, buffer, sizeof found);
      CHECK_EQUAL(priority, model[best].priority);
      CHECK_EQUAL(found, model[best].number);
      length--;
      for (int i = best; i < length; i++) model[i] = model[i + 1];
    }
    if (number % 100 == 0) CHECK_EQUAL(count(mq), length);
  }
}

TEST(priority_limits) {
  CHECK(sysconf(_SC_MQ_PRIO_MAX) >= 32768);
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  put(mq, "highest", (unsigned)sysconf(_SC_MQ_PRIO_MAX) - 1);
  CHECK_FAILS(mq_send(mq, "x", 1, (unsigned)sysconf(_SC_MQ_PRIO_MAX)), EINVAL);
  CHECK_FAILS(mq_send(mq, "x", 1, UINT_MAX), EINVAL);
  CHECK_FAILS(mq_timedsend(mq, "x", 1, 32768, DEADLINE), EINVAL);
  CHECK_EQUAL(count(mq), 1);
}

TEST(lengths) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char out[SIZE], in[SIZE + 8];
  for (int i = 0; i < SIZE; i++) out[i] = (char)(i * 37 - 100);
  for (size_t length = 0; length <= SIZE; length++) {
    memset(in, 0x5a, sizeof in);
    CHECK_EQUAL(mq_send(mq, out, length, 0), 0);
    CHECK_EQUAL(mq_receive(mq, in, sizeof in, NULL), length);
    CHECK(memcmp(in, out, length) == 0);
    for (size_t i = length; i < sizeof in; i++) CHECK(in[i] == 0x5a); /* the rest is unchanged */
  }
}

TEST(too_long_to_send) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char message[SIZE + 1] = { 0 };
  CHECK_FAILS(mq_send(mq, message, SIZE + 1, 0), EMSGSIZE);
  CHECK_FAILS(mq_timedsend(mq, message, SIZE + 1, 0, DEADLINE), EMSGSIZE);
  CHECK_FAILS(mq_send(mq, message, SIZE_MAX, 0), EMSGSIZE);
  CHECK_EQUAL(count(mq), 0);
}

TEST(buffer_too_small) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  put(mq, "short", 0);
  /* The buffer is smaller than the queue's message size, although this message would fit. */
  CHECK_FAILS(mq_receive(mq, buffer, SIZE - 1, NULL), EMSGSIZE);
  CHECK_FAILS(mq_timedreceive(mq, buffer, 0, NULL, DEADLINE), EMSGSIZE);
  TAKE(mq, "short");
  CHECK_FAILS(mq_receive(mq, buffer, SIZE - 1, NULL), EMSGSIZE); /* at once, also on an empty queue */
}

TEST(full_and_empty_nonblocking) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR | O_NONBLOCK, 2);
  char buffer[SIZE];
  unsigned priority = 77;
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, &priority), EAGAIN);
  /* A deadline changes nothing here, in the past or in the future. */
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, &priority, DEADLINE), EAGAIN);
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, &priority, PAST), EAGAIN);
  CHECK_EQUAL(priority, 77);
  put(mq, "1", 0);
  put(mq, "2", 0);
  CHECK_FAILS(mq_send(mq, "3", 1, 9), EAGAIN);
  CHECK_FAILS(mq_timedsend(mq, "3", 1, 9, DEADLINE), EAGAIN);
  CHECK_EQUAL(count(mq), 2);
  TAKE(mq, "1");
  TAKE(mq, "2");
}

static void *send_later(void *mq) {
  wait_until_blocked();
  put(*(mqd_t *)mq, "late", 0);
  return NULL;
}

TEST(receive_waits) {
  for (int timed = 0; timed < 2; timed++) {
    mqd_t mq = create(unique_name(), O_RDWR, 1);
    char buffer[SIZE];
    pthread_t thread = run(send_later, &mq);
    about_to_block();
    CHECK_EQUAL(receive(mq, buffer, timed), 4);
    CHECK(memcmp(buffer, "late", 4) == 0);
    finish_thread(thread);
  }
}

static void *take_later(void *mq) {
  wait_until_blocked();
  TAKE(*(mqd_t *)mq, "first");
  return NULL;
}

TEST(send_waits) {
  for (int timed = 0; timed < 2; timed++) {
    mqd_t mq = create(unique_name(), O_RDWR, 1);
    put(mq, "first", 0);
    pthread_t thread = run(take_later, &mq);
    about_to_block();
    CHECK_EQUAL(send_text(mq, "second", timed), 0);
    finish_thread(thread);
    TAKE(mq, "second");
  }
}

static void receive_in_child(void *name) {
  mqd_t mq = join(name, O_RDONLY);
  about_to_block();
  TAKE(mq, "to another process");
}

TEST(wakes_other_processes) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_WRONLY, 1);
  pid_t child = start(receive_in_child, (void *)name);
  wait_until_blocked();
  put(mq, "to another process", 0);
  FINISH(child);
}

static void send_in_child(void *name) {
  mqd_t mq = join(name, O_WRONLY);
  about_to_block();
  put(mq, "from another process", 0);
}

TEST(room_wakes_other_processes) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  put(mq, "in the way", 0);
  pid_t child = start(send_in_child, (void *)name);
  wait_until_blocked();
  TAKE(mq, "in the way");
  TAKE(mq, "from another process");
  FINISH(child);
}

/* Several waiters, in the order in which they went to sleep. */
enum { WAITERS = 3 };

static void receive_any(void *mq) {
  about_to_block();
  TAKE(*(mqd_t *)mq, "x");
}

static void send_any(void *mq) {
  about_to_block();
  put(*(mqd_t *)mq, "x", 0);
}

static int are_served_in_turn(mqd_t mq, int send) {
  pid_t children[WAITERS];
  for (int i = 0; i < WAITERS; i++) {
    children[i] = start(send ? send_any : receive_any, &mq);
    wait_until_blocked();
  }
  for (int i = 0; i < WAITERS; i++) {
    if (send) TAKE(mq, "x");
    else put(mq, "x", 0);
    siginfo_t ended;
    CHECK_EQUAL(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
    if (ended.si_pid != children[i]) {
      for (int j = i; j < WAITERS; j++)
        if (children[j] == ended.si_pid) FINISH(children[j]);
        else KILL(children[j]);
      return 0;
    }
    FINISH(children[i]);
  }
  return 1;
}

static void check_turns(int send) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  for (;;) {
    struct timespec begin = clock_in(CLOCK_MONOTONIC, 0);
    if (send && count(mq) == 0) put(mq, "x", 0);
    if (are_served_in_turn(mq, send)) return;
    /* Waits of more than 100 ms need not end in turn (robustipc-posix(7)). On a slow machine the test tries again. */
    struct timespec end = clock_in(CLOCK_MONOTONIC, 0);
    CHECK((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >= 90);
  }
}

TEST(longest_waiting_receiver_first) { check_turns(0); }
TEST(longest_waiting_sender_first) { check_turns(1); }

static void take_one(void *name) {
  about_to_block();
  TAKE(join(name, O_RDONLY), "for the living");
}

TEST(killed_waiters) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  pid_t dead = start(receive_in_child, (void *)name);
  wait_until_blocked();
  pid_t living = start(take_one, (void *)name);
  wait_until_blocked();
  KILL(dead);
  put(mq, "for the living", 0);
  FINISH(living);

  put(mq, "in the way", 0);
  dead = start(send_in_child, (void *)name);
  wait_until_blocked();
  KILL(dead);
  TAKE(mq, "in the way");
  CHECK_EQUAL(count(mq), 0);
  put(mq, "room", 0);
  TAKE(mq, "room");
}

TEST(waiters_sleep_on) {
  const char *name = unique_name();
  create(name, O_RDWR, 1);
  pid_t child = start(take_one, (void *)name);
  pid_t thread = wait_until_blocked();
  long before = voluntary_switches(thread);
  /* pace: the test is that nothing happens in this time. */
  struct timespec window = { .tv_nsec = 500 * 1000 * 1000 };
  nanosleep(&window, NULL);
  /* Before Linux 6.2 the library's waiters wake once a second. */
  CHECK(voluntary_switches(thread) <= before + 1);
  KILL(child);
}

TEST(deadline_passes) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  struct timespec soon = clock_in(CLOCK_REALTIME, 0);
  soon.tv_nsec += 20 * 1000 * 1000;
  if (soon.tv_nsec >= 1000 * 1000 * 1000) {
    soon.tv_nsec -= 1000 * 1000 * 1000;
    soon.tv_sec++;
  }
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, &soon), ETIMEDOUT);
  CHECK(is_over(&soon));
  put(mq, "x", 0);
  soon = clock_in(CLOCK_REALTIME, 0);
  if (soon.tv_nsec < 900 * 1000 * 1000)
    soon.tv_nsec += 20 * 1000 * 1000;
  else
    soon.tv_sec++;
  CHECK_FAILS(mq_timedsend(mq, "y", 1, 0, &soon), ETIMEDOUT);
  CHECK(is_over(&soon));
  CHECK_EQUAL(count(mq), 1);
}

TEST(deadline_past) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  /* If there is a message or room, the time does not matter. */
  CHECK_EQUAL(mq_timedsend(mq, "1", 1, 0, PAST), 0);
  CHECK_FAILS(mq_timedsend(mq, "2", 1, 0, PAST), ETIMEDOUT);
  CHECK_EQUAL(mq_timedreceive(mq, buffer, SIZE, NULL, PAST), 1);
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, PAST), ETIMEDOUT);
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, (&(struct timespec){ 0 })), ETIMEDOUT);
}

TEST(deadline_invalid) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  static const struct timespec bad[] = {
    { .tv_sec = 1, .tv_nsec = -1 }, { .tv_sec = INT_MAX, .tv_nsec = 1000 * 1000 * 1000 }, { .tv_sec = -1 },
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, &bad[i]), EINVAL);
  put(mq, "x", 0);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK_FAILS(mq_timedsend(mq, "y", 1, 0, &bad[i]), EINVAL);
  CHECK_EQUAL(count(mq), 1);
}

TEST(deadline_none) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  pthread_t thread = run(send_later, &mq);
  struct timespec *volatile none = NULL; /* the header declares that the argument must not be NULL */
  about_to_block();
  CHECK_EQUAL(mq_timedreceive(mq, buffer, SIZE, NULL, none), 4);
  finish_thread(thread);
  CHECK_EQUAL(mq_timedsend(mq, "x", 1, 0, none), 0);
}

TEST(deadline_far) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  pthread_t thread = run(send_later, &mq);
  struct timespec far = { .tv_sec = sizeof(time_t) == 8 ? (time_t)INT64_MAX : (time_t)INT32_MAX };
  about_to_block();
  CHECK_EQUAL(mq_timedreceive(mq, buffer, SIZE, NULL, &far), 4);
  finish_thread(thread);
}

TEST(no_such_descriptor) {
  char buffer[SIZE];
  static const mqd_t bad[] = { (mqd_t)-1, (mqd_t)INT_MAX, (mqd_t)INT_MIN, (mqd_t)100000 };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_FAILS(mq_send(bad[i], "x", 1, 0), EBADF);
    CHECK_FAILS(mq_timedsend(bad[i], "x", 1, 0, PAST), EBADF);
    CHECK_FAILS(mq_receive(bad[i], buffer, SIZE, NULL), EBADF);
    CHECK_FAILS(mq_timedreceive(bad[i], buffer, SIZE, NULL, PAST), EBADF);
  }
}

TEST(descriptor_of_another_kind) {
  char buffer[SIZE], path[] = "/tmp/posix-mq-XXXXXX";
  int pipes[2], file = mkstemp(path);
  CHECK(file >= 0 && unlink(path) == 0);
  CHECK_EQUAL(pipe(pipes), 0);
  const int others[] = { file, pipes[0], pipes[1] };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    CHECK_FAILS(mq_send(others[i], "x", 1, 0), EBADF);
    CHECK_FAILS(mq_receive(others[i], buffer, SIZE, NULL), EBADF);
  }
  struct stat status;
  CHECK_EQUAL(fstat(file, &status), 0);
  CHECK_EQUAL(status.st_size, 0);
}

TEST(bad_pointers) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  char *bad = bad_address();
  char buffer[SIZE];
  CHECK_FAILS(mq_send(mq, bad, 1, 0), EFAULT);
  CHECK_EQUAL(count(mq), 0);
  CHECK_EQUAL(mq_send(mq, bad, 0, 0), 0); /* nothing to read */
  CHECK_EQUAL(mq_receive(mq, buffer, SIZE, NULL), 0);
  CHECK_FAILS(mq_timedsend(mq, "x", 1, 0, (struct timespec *)(void *)bad), EFAULT);
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, (struct timespec *)(void *)bad), EFAULT);
  put(mq, "x", 0);
  put(mq, "y", 0);
  CHECK_FAILS(mq_receive(mq, bad, SIZE, NULL), EFAULT);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, (unsigned *)(void *)bad), EFAULT);
  while (mq_timedreceive(mq, buffer, SIZE, NULL, PAST) >= 0) continue; /* the messages may be lost or not */
  put(mq, "alive", 0);
  TAKE(mq, "alive");
}

/* A child blocked in a call, with a handler for SIGUSR1. */
struct interrupted {
  mqd_t mq;
  int flags, timed, sends;
};
static _Atomic int *runs;
static void count_shared(int signal) {
  (void)signal;
  ++*runs;
}
static void be_interrupted(void *argument) {
  struct interrupted *my = argument;
  struct sigaction action = { .sa_handler = count_shared, .sa_flags = my->flags };
  char buffer[SIZE];
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  about_to_block();
  if (my->flags & SA_RESTART)
    CHECK(my->sends ? send_text(my->mq, "resumed", my->timed) == 0 : receive(my->mq, buffer, my->timed) == 5);
  else if (my->sends)
    CHECK_FAILS(send_text(my->mq, "never", my->timed), EINTR);
  else
    CHECK_FAILS(receive(my->mq, buffer, my->timed), EINTR);
}

static void interrupt(int sends, int flags) {
  runs = shared_memory(sizeof *runs);
  for (int timed = 0; timed < 2; timed++) {
    struct interrupted how = { .mq = create(unique_name(), O_RDWR, 1), .flags = flags, .timed = timed, .sends = sends };
    if (sends) put(how.mq, "first", 0);
    *runs = 0;
    pid_t child = start(be_interrupted, &how);
    wait_until_blocked();
    CHECK_EQUAL(kill(child, SIGUSR1), 0);
    if (flags & SA_RESTART) {
      AWAIT(*runs == 1);
      if (sends) {
        TAKE(how.mq, "first");
        TAKE(how.mq, "resumed");
      } else {
        put(how.mq, "first", 0);
      }
    }
    FINISH(child);
    CHECK_EQUAL(*runs, 1);
    CHECK_EQUAL(count(how.mq), sends && !(flags & SA_RESTART) ? 1 : 0);
  }
}

TEST(receive_interrupted) { interrupt(0, 0); }
TEST(receive_resumed) { interrupt(0, SA_RESTART); }
TEST(send_interrupted) { interrupt(1, 0); }
TEST(send_resumed) { interrupt(1, SA_RESTART); }

static void be_stopped(void *mq) {
  about_to_block();
  TAKE(*(mqd_t *)mq, "after the stop");
}

TEST(stopped_and_continued) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  pid_t child = start(be_stopped, &mq);
  wait_until_blocked();
  int status;
  CHECK_EQUAL(kill(child, SIGSTOP), 0);
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  CHECK_EQUAL(kill(child, SIGCONT), 0);
  put(mq, "after the stop", 0);
  FINISH(child);
}

/* Several senders and receivers: each message arrives exactly once, and each sender's in order. */
enum { PEERS = 3, EACH = 2000 };
struct counted { int sender, number; };
static void send_counted(void *argument) {
  struct { mqd_t mq; int sender; } *my = argument;
  for (int number = 0; number < EACH; number++) {
    struct counted message = { .sender = my->sender, .number = number };
    CHECK_EQUAL(mq_send(my->mq, (const char *)&message, sizeof message, 0), 0);
  }
}
static _Atomic int (*seen)[EACH];
static void receive_counted(void *mq) {
  int last[PEERS] = { -1, -1, -1 };
  for (int i = 0; i < EACH; i++) {
    char buffer[SIZE];
    struct counted message;
    CHECK_EQUAL(mq_receive(*(mqd_t *)mq, buffer, SIZE, NULL), sizeof message);
    memcpy(&message, buffer, sizeof message);
    CHECK(message.sender >= 0 && message.sender < PEERS && message.number >= 0 && message.number < EACH);
    CHECK(message.number > last[message.sender]);
    last[message.sender] = message.number;
    CHECK_EQUAL(seen[message.sender][message.number]++, 0);
  }
}

TEST(each_message_once) {
  mqd_t mq = create(unique_name(), O_RDWR, 4);
  seen = shared_memory(sizeof(int[PEERS][EACH]));
  struct { mqd_t mq; int sender; } senders[PEERS];
  pid_t children[2 * PEERS];
  for (int i = 0; i < PEERS; i++) {
    senders[i].mq = mq;
    senders[i].sender = i;
    children[i] = start(send_counted, &senders[i]);
    children[PEERS + i] = start(receive_counted, &mq);
  }
  for (int i = 0; i < 2 * PEERS; i++) FINISH(children[i]);
  for (int i = 0; i < PEERS; i++)
    for (int j = 0; j < EACH; j++) CHECK_EQUAL(seen[i][j], 1);
  CHECK_EQUAL(count(mq), 0);
}

static void *echo(void *mqs) {
  mqd_t *both = mqs;
  for (int i = 0; i < 500; i++) {
    char buffer[SIZE];
    ssize_t length = mq_receive(both[0], buffer, SIZE, NULL);
    CHECK(length == 3 && mq_send(both[1], buffer, 3, 0) == 0);
  }
  return NULL;
}

TEST(threads_of_one_process) {
  mqd_t mqs[2] = { create(unique_name(), O_RDWR, 1), create(unique_name(), O_RDWR, 1) };
  pthread_t thread = run(echo, mqs);
  for (int i = 0; i < 500; i++) {
    put(mqs[0], "abc", 0);
    TAKE(mqs[1], "abc");
  }
  finish_thread(thread);
}
