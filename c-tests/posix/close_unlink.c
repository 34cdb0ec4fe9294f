/* mq_close(3) and mq_unlink(3). */
#include "posix.h"
#include <sys/time.h>

TEST(close_frees_the_descriptor) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  char buffer[SIZE];
  struct mq_attr attr;
  CHECK_EQUAL(mq_close(mq), 0);
  CHECK_FAILS(mq_close(mq), EBADF);
  CHECK_FAILS(mq_send(mq, "x", 1, 0), EBADF);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EBADF);
  CHECK_FAILS(mq_getattr(mq, &attr), EBADF);
  CHECK_FAILS(mq_notify(mq, NULL), EBADF);
  CHECK_FAILS(fcntl(mq, F_GETFD), EBADF);
}

TEST(close_of_no_descriptor) {
  CHECK_FAILS(mq_close((mqd_t)-1), EBADF);
  CHECK_FAILS(mq_close((mqd_t)INT_MAX), EBADF);
  CHECK_FAILS(mq_close((mqd_t)INT_MIN), EBADF);
}

TEST(close_leaves_others) {
  const char *name = unique_name();
  mqd_t one = create(name, O_RDWR, 1), other = join(name, O_RDWR);
  put(one, "stays", 0);
  CHECK_EQUAL(mq_close(one), 0);
  TAKE(other, "stays");
}

static void close_all(void *mq) { CHECK_EQUAL(mq_close(*(mqd_t *)mq), 0); }

TEST(close_in_a_child) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  FINISH(start(close_all, &mq));
  put(mq, "parent's", 0);
  TAKE(mq, "parent's");
}

TEST(close_as_any_descriptor) {
  const char *name = unique_name();
  char buffer[SIZE];
  mqd_t mq = create(name, O_RDWR, 1);
  put(mq, "kept", 0);
  CHECK_EQUAL(close(mq), 0);
  CHECK_FAILS(mq_send(mq, "x", 1, 0), EBADF);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EBADF);
  CHECK_FAILS(mq_close(mq), EBADF);
  TAKE(join(name, O_RDONLY), "kept");
}

TEST(number_reused_for_another_file) {
  const char *name = unique_name();
  char buffer[SIZE];
  mqd_t mq = create(name, O_RDWR, 1);
  put(mq, "kept", 0);
  CHECK_EQUAL(close(mq), 0);
  int file = open("/dev/null", O_RDWR);
  CHECK_EQUAL(dup2(file, mq), mq);
  CHECK_FAILS(mq_send(mq, "x", 1, 0), EBADF);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EBADF);
  TAKE(join(name, O_RDONLY), "kept");
}

TEST(number_reused_for_another_queue) {
  const char *names[] = { unique_name(), unique_name() };
  mqd_t first = create(names[0], O_RDWR, 1);
  put(first, "first", 0);
  CHECK_EQUAL(close(first), 0);
  mqd_t second = create(names[1], O_RDWR, 2);
  CHECK_EQUAL(dup2(second, first), first);
  CHECK_EQUAL(attributes(first).mq_maxmsg, 2);
  CHECK_EQUAL(count(first), 0);
  put(first, "second", 0);
  CHECK_EQUAL(dup2(join(names[0], O_RDWR), first), first); /* while it is open */
  TAKE(first, "first");
  TAKE(join(names[1], O_RDONLY), "second");
}

TEST(number_reused_by_open) {
  const char *names[] = { unique_name(), unique_name() };
  mqd_t others[] = { create(names[0], O_RDWR, 2), create(names[1], O_RDWR, 2) };
  mqd_t number = join(names[0], O_RDWR);
  for (int i = 0; i < 3000; i++) {
    int now = i % 2, next = (i + 1) % 2;
    put(number, names[now], 0);
    TAKE(others[now], names[now]);
    CHECK_EQUAL(i % 3 == 0 ? mq_close(number) : close(number), 0);
    CHECK_EQUAL(join(names[next], O_RDWR), number);
    put(others[next], names[next], 0);
    TAKE(number, names[next]);
  }
}

/* The descriptor's number leads to another queue at once, however soon after calls on the old queue. */
TEST(number_reused_at_once) {
  mqd_t first = create(unique_name(), O_RDWR, 1), second = create(unique_name(), O_RDWR, 1);
  mqd_t mq = dup(first);
  char buffer[SIZE];
  for (int i = 0; i < 1000; i++) {
    CHECK_EQUAL(dup2(first, mq), mq);
    for (int j = 0; j < 10; j++) {
      CHECK_EQUAL(mq_send(mq, "x", 1, 0), 0);
      CHECK_EQUAL(mq_receive(mq, buffer, SIZE, NULL), 1);
    }
    if (i % 2 == 0) {
      CHECK_EQUAL(dup2(second, mq), mq);
      CHECK_EQUAL(mq_send(mq, "x", 1, 0), 0);
      CHECK_EQUAL(mq_receive(second, buffer, SIZE, NULL), 1);
    } else {
      CHECK_EQUAL(close(mq), 0);
      CHECK_FAILS(mq_send(mq, "x", 1, 0), EBADF);
    }
  }
}

static mqd_t handlers_queues[2], handlers_number;
static volatile sig_atomic_t has_changed;

static void change_number(int signal) {
  (void)signal;
  dup2(handlers_queues[1], handlers_number);
  has_changed = 1;
}

/* At any moment of a call, a signal handler makes the number lead to another queue. */
TEST(number_reused_by_a_handler) {
  for (int i = 0; i < 2; i++) handlers_queues[i] = create(unique_name(), O_RDWR | O_NONBLOCK, 1);
  handlers_number = dup(handlers_queues[0]);
  struct sigaction action = { .sa_handler = change_number };
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  char buffer[SIZE];
  struct mq_attr attr;
  for (int i = 0; i < 200; i++) {
    CHECK_EQUAL(dup2(handlers_queues[0], handlers_number), handlers_number);
    has_changed = 0;
    CHECK_EQUAL(setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 20 + 7 * (i % 30) }, NULL), 0);
    for (int had_changed = 0; !had_changed;) {
      had_changed = has_changed;
      mq_send(handlers_number, "x", 1, 0);
      if (i % 2 == 0) CHECK_EQUAL(mq_getattr(handlers_number, &attr), 0);
      if (!had_changed) mq_receive(handlers_number, buffer, SIZE, NULL);
    }
    CHECK_EQUAL(mq_receive(handlers_queues[1], buffer, SIZE, NULL), 1);
    if (i % 2 == 0) CHECK_EQUAL(attr.mq_curmsgs, 1);
    mq_receive(handlers_queues[0], buffer, SIZE, NULL); /* if the signal came between the two calls */
  }
}

TEST(close_leaks_no_descriptor) {
  const char *name = unique_name();
  mq_close(create(name, O_RDWR, 1));
  int before = dup(STDIN_FILENO); /* the lowest free number */
  CHECK_EQUAL(close(before), 0);
  for (int i = 0; i < 100; i++) {
    mqd_t mq = join(name, O_RDWR);
    CHECK_EQUAL(i % 2 == 0 ? mq_close(mq) : close(mq), 0);
  }
  int after = dup(STDIN_FILENO);
  CHECK_EQUAL(after, before);
}

static long mappings(void) {
  FILE *file = fopen("/proc/self/maps", "r");
  CHECK(file != NULL);
  long lines = 0;
  for (int byte; (byte = fgetc(file)) != EOF;) lines += byte == '\n';
  fclose(file);
  return lines;
}

TEST(close_leaks_no_memory) {
  const char *name = unique_name();
  mq_close(create(name, O_RDWR, 1));
  long before = 0;
  for (int i = 0; i < 300; i++) {
    mqd_t mq = join(name, O_RDWR);
    put(mq, "x", 0);
    TAKE(mq, "x");
    CHECK_EQUAL(i % 2 == 0 ? mq_close(mq) : close(mq), 0);
    if (i == 100) before = mappings();
  }
  CHECK(mappings() <= before + 10);
}

static void *open_and_close(void *name) {
  for (int i = 0; i < 500; i++) {
    mqd_t mq = join(name, O_RDWR | O_NONBLOCK);
    char buffer[SIZE];
    CHECK(mq_send(mq, "x", 1, 0) == 0 || errno == EAGAIN);
    CHECK(mq_receive(mq, buffer, SIZE, NULL) == 1 || errno == EAGAIN);
    CHECK_EQUAL(i % 2 == 0 ? mq_close(mq) : close(mq), 0);
  }
  return NULL;
}

TEST(threads_open_and_close) {
  const char *names[] = { unique_name(), unique_name() };
  for (int i = 0; i < 2; i++) mq_close(create(names[i], O_RDWR, 1));
  int before = dup(STDIN_FILENO);
  CHECK_EQUAL(close(before), 0);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) threads[i] = run(open_and_close, (void *)names[i % 2]);
  for (int i = 0; i < 4; i++) finish_thread(threads[i]);
  long mapped = mappings();
  for (int i = 0; i < 4; i++) threads[i] = run(open_and_close, (void *)names[i % 2]);
  for (int i = 0; i < 4; i++) finish_thread(threads[i]);
  CHECK(mappings() <= mapped + 20);
  /* When another queue is opened, the library finds the descriptors that plain close() has closed. */
  CHECK_EQUAL(mq_close(create(unique_name(), O_RDWR, 1)), 0);
  int after = dup(STDIN_FILENO);
  CHECK_EQUAL(after, before);
}

TEST(unlink_removes_the_name) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(mq_unlink(name), 0);
  CHECK_FAILS(mq_open(name, O_RDWR), ENOENT);
  CHECK_FAILS(mq_unlink(name), ENOENT);
  CHECK_EQUAL(mq_close(mq), 0);
}

TEST(unlinked_stays_usable) {
  const char *name = unique_name();
  mqd_t one = create(name, O_RDWR, 2), other = join(name, O_RDWR);
  put(one, "before", 0);
  CHECK_EQUAL(mq_unlink(name), 0);
  put(one, "after", 0);
  TAKE(other, "before");
  TAKE(other, "after");
  CHECK_EQUAL(attributes(other).mq_maxmsg, 2);
}

TEST(unlinked_name_is_free) {
  const char *name = unique_name();
  mqd_t old = create(name, O_RDWR, 1);
  put(old, "old", 0);
  CHECK_EQUAL(mq_unlink(name), 0);
  mqd_t new = create(name, O_RDWR, 2);
  CHECK_EQUAL(count(new), 0);
  put(new, "new", 0);
  TAKE(old, "old");
  TAKE(new, "new");
  CHECK_EQUAL(mq_close(old), 0); /* it does not remove the new queue's name */
  mq_close(join(name, O_RDONLY));
}

static void receive_before_and_after(void *mq) {
  about_to_block();
  TAKE(*(mqd_t *)mq, "to the sleeper");
}

TEST(unlink_does_not_wait) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  pid_t child = start(receive_before_and_after, &mq);
  wait_until_blocked();
  CHECK_EQUAL(mq_unlink(name), 0);
  put(mq, "to the sleeper", 0);
  FINISH(child);
}

TEST(unlink_names) {
  CHECK_FAILS(mq_unlink(unique_name()), ENOENT);
  CHECK_FAILS(mq_unlink("ripc-test-noslash"), EINVAL);
  CHECK_FAILS(mq_unlink(""), EINVAL);
  char name[1 + NAME_MAX + 2];
  memset(name, 'x', sizeof name);
  name[0] = '/';
  name[sizeof name - 1] = '\0';
  CHECK_FAILS(mq_unlink(name), ENAMETOOLONG);
}

static void unlink_as_nobody(void *name) {
  become_nobody();
  CHECK_FAILS(mq_unlink(name), EACCES);
}

TEST(unlink_by_a_stranger) {
  if (geteuid() != 0) SKIP("needs root");
  const char *name = unique_name();
  mode_t before = umask(0);
  create_with(name, O_RDWR, 0666, &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = SIZE });
  umask(before);
  FINISH(start(unlink_as_nobody, (void *)name));
  mq_close(join(name, O_RDWR));
}

static void create_and_leave(void *name) { create(name, O_RDWR, 1); }

TEST(end_of_a_process_closes) {
  const char *name = unique_name();
  FINISH(start(create_and_leave, (void *)name));
  mqd_t mq = join(name, O_RDWR);
  put(mq, "persists", 0);
  TAKE(mq, "persists");
}
