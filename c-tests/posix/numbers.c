/* A descriptor's number may be closed, replaced and given out again in every way that a program has. A call means what
 * the number leads to at that moment. (These tests also make system calls by number and by machine code.) */
#include "posix.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

/* Opens a file that gets the lowest free number. */
static void reopen_as_file(int number) { CHECK_EQUAL(open("/dev/null", O_RDWR), number); }

static void check_no_queue(int number) {
  char buffer[SIZE];
  struct mq_attr attr;
  CHECK_FAILS(mq_send(number, "x", 1, 0), EBADF);
  CHECK_FAILS(mq_receive(number, buffer, SIZE, NULL), EBADF);
  CHECK_FAILS(mq_getattr(number, &attr), EBADF);
}

static void close_by_close_range(int fd) { CHECK_EQUAL(close_range((unsigned)fd, (unsigned)fd, 0), 0); }
static void close_by_syscall(int fd) { CHECK_EQUAL(syscall(SYS_close, fd), 0); }
static void close_by_range_syscall(int fd) { CHECK_EQUAL(syscall(SYS_close_range, fd, fd, 0), 0); }
static void close_by_close(int fd) { CHECK_EQUAL(close(fd), 0); }
static void close_by_mq_close(int fd) { CHECK_EQUAL(mq_close(fd), 0); }

static void (*const ways_to_close[])(int) = { close_by_close, close_by_mq_close, close_by_close_range, close_by_syscall,
  close_by_range_syscall };

TEST(closed_in_every_way) {
  for (size_t way = 0; way < sizeof ways_to_close / sizeof ways_to_close[0]; way++) {
    mqd_t mq = create(unique_name(), O_RDWR, 2);
    put(mq, "1", 0);
    ways_to_close[way](mq);
    check_no_queue(mq);
    reopen_as_file(mq);
    check_no_queue(mq);
    struct pollfd entry = { .fd = mq, .events = POLLIN };
    CHECK_EQUAL(poll(&entry, 1, 0), 1);
    CHECK_EQUAL(close(mq), 0);
    CHECK(!is_open(mq));
  }
}

static int replace_by_dup2(int file, int number) { return dup2(file, number); }
static int replace_by_dup3(int file, int number) { return dup3(file, number, O_CLOEXEC); }
static int replace_by_syscall(int file, int number) { return (int)syscall(SYS_dup3, file, number, 0); }
static int (*const ways_to_replace[])(int, int) = { replace_by_dup2, replace_by_dup3, replace_by_syscall };

TEST(replaced_in_every_way) {
  int file = open("/dev/null", O_RDWR);
  const char *name = unique_name();
  mqd_t first = create(name, O_RDWR, 2), second = create(unique_name(), O_RDWR, 2);
  for (size_t way = 0; way < sizeof ways_to_replace / sizeof ways_to_replace[0]; way++) {
    mqd_t mq = join(name, O_RDWR);
    put(mq, "to the first", 0);
    CHECK_EQUAL(ways_to_replace[way](second, mq), mq);
    put(mq, "to the second", 0);
    TAKE(first, "to the first");
    TAKE(second, "to the second");
    CHECK_EQUAL(ways_to_replace[way](file, mq), mq);
    check_no_queue(mq);
    CHECK_EQUAL(ways_to_replace[way](first, mq), mq);
    put(mq, "again", 0);
    TAKE(first, "again");
    CHECK_EQUAL(close(mq), 0);
  }
}

/* The access mode belongs to the number's new description. */
TEST(replaced_by_another_access_mode) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 2), in = join(name, O_RDONLY), out = join(name, O_WRONLY);
  char buffer[SIZE];
  put(mq, "1", 0);
  CHECK_EQUAL(dup2(in, mq), mq);
  CHECK_FAILS(mq_send(mq, "x", 1, 0), EBADF);
  TAKE(mq, "1");
  CHECK_EQUAL(dup2(out, mq), mq);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EBADF);
  put(mq, "2", 0);
  TAKE(in, "2");
}

/* Duplicates have the lowest number from the given one on. The queue stays as long as one of them is open. */
TEST(duplicated_in_every_way) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 2);
  CHECK_EQUAL(mq_unlink(name), 0);
  put(mq, "kept", 0);
  int copies[] = { dup(mq), fcntl(mq, F_DUPFD, 40), fcntl(mq, F_DUPFD_CLOEXEC, 50), (int)syscall(SYS_dup, mq),
    (int)syscall(SYS_fcntl, mq, F_DUPFD, 60) };
  CHECK_EQUAL(mq_close(mq), 0);
  size_t number = sizeof copies / sizeof copies[0];
  for (size_t i = 0; i < number; i++) {
    CHECK(copies[i] >= 0);
    TAKE(copies[i], "kept");
    put(copies[i], "kept", 0);
    if (i + 1 < number) CHECK_EQUAL(close(copies[i]), 0);
  }
  TAKE(copies[number - 1], "kept");
}

/* A daemon closes every descriptor but those it knows. Then it opens files, which it keeps. */
static void close_all_by_loop(int kept) {
  for (int fd = 3; fd < 1024; fd++)
    if (fd != kept) close(fd);
}
static void close_all_by_range(int kept) {
  if (kept > 3) CHECK_EQUAL(close_range(3, (unsigned)kept - 1, 0), 0);
  CHECK_EQUAL(close_range((unsigned)kept + 1, ~0U, 0), 0);
}
static void close_all_by_closefrom(int kept) {
  for (int fd = 3; fd < kept; fd++) close(fd);
  closefrom(kept + 1);
}
static void (*const ways_to_close_all[])(int) = { close_all_by_loop, close_all_by_range, close_all_by_closefrom };

static void send_one(void *name) { put(join(name, O_WRONLY), "from another process", 0); }

TEST(all_others_closed) {
  for (size_t way = 0; way < sizeof ways_to_close_all / sizeof ways_to_close_all[0]; way++) {
    const char *name = unique_name();
    mqd_t mq = create(name, O_RDWR | O_NONBLOCK, 2);
    ways_to_close_all[way](mq);
    int files[300];
    for (int i = 0; i < 300; i++) CHECK((files[i] = open("/dev/null", O_RDWR)) > 0);
    put(mq, "1", 0);
    struct pollfd entry = { .fd = mq, .events = POLLIN };
    CHECK_EQUAL(poll(&entry, 1, 0), 1);
    TAKE(mq, "1");
    CHECK_EQUAL(poll(&entry, 1, 0), 0);
    pid_t child = start(send_one, (void *)name);
    CHECK_EQUAL(poll(&entry, 1, PATIENCE_SECONDS * 1000), 1);
    FINISH(child);
    TAKE(mq, "from another process");
    CHECK_EQUAL(mq_close(mq), 0);
    for (int i = 0; i < 300; i++) {
      CHECK(is_open(files[i]));
      CHECK_EQUAL(close(files[i]), 0);
    }
  }
}

/* A program may use any number for its own files. */
TEST(every_number_replaced) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR | O_NONBLOCK, 2);
  int file = open("/dev/null", O_RDWR);
  for (int fd = 3; fd < 600; fd++)
    if (fd != mq && fd != file) CHECK_EQUAL(dup2(file, fd), fd);
  put(mq, "1", 0);
  TAKE(mq, "1");
  struct pollfd entry = { .fd = mq, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  pid_t child = start(send_one, (void *)name);
  CHECK_EQUAL(poll(&entry, 1, PATIENCE_SECONDS * 1000), 1);
  FINISH(child);
  CHECK_EQUAL(mq_close(mq), 0);
  for (int fd = 3; fd < 600; fd++)
    if (fd != mq) CHECK(is_open(fd));
}

/* A child of vfork() has its parent's memory, and its own descriptors. */
static void run_in_vfork_child(mqd_t mq, int file) {
  pid_t child = vfork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(file, mq);
    close(mq);
    close_range(3, ~0U, 0);
    _exit(0);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

TEST(closed_in_a_child_of_vfork) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  put(mq, "kept", 0);
  int file = open("/dev/null", O_RDWR);
  for (int i = 0; i < 3; i++) {
    run_in_vfork_child(mq, file);
    TAKE(mq, "kept");
    put(mq, "kept", 0);
  }
  struct pollfd entry = { .fd = mq, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, 0), 1);
}

static void close_inherited(void *mq) {
  CHECK_EQUAL(close(*(mqd_t *)mq), 0);
  check_no_queue(*(mqd_t *)mq);
}

TEST(closed_in_a_child) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  put(mq, "kept", 0);
  FINISH(start(close_inherited, &mq));
  TAKE(mq, "kept");
}

/* Threads close a number and give it to another queue, while others use it: never a third one. */
static int shared_number;
static _Atomic int is_finished;

static void *use_number(void *unused) {
  (void)unused;
  while (!is_finished) mq_send(shared_number, "x", 1, 0);
  return NULL;
}

TEST(changed_while_threads_send) {
  mqd_t queues[2] = { create(unique_name(), O_RDWR | O_NONBLOCK, 2), create(unique_name(), O_RDWR | O_NONBLOCK, 2) };
  char buffer[SIZE];
  shared_number = dup(queues[0]);
  pthread_t threads[2] = { run(use_number, NULL), run(use_number, NULL) };
  for (int i = 0; i < 2000; i++) CHECK_EQUAL(dup2(queues[i % 2], shared_number), shared_number);
  is_finished = 1;
  for (int i = 0; i < 2; i++) finish_thread(threads[i]);
  CHECK_EQUAL(dup2(queues[0], shared_number), shared_number);
  for (int i = 0; i < 2; i++)
    while (mq_receive(queues[i], buffer, SIZE, NULL) > 0) continue;
  put(shared_number, "last", 0);
  TAKE(queues[0], "last");
  CHECK_EQUAL(count(queues[1]), 0);
}

/* O_NONBLOCK changed in every way, also by another process that shares the description. */
static void set_by_fcntl(mqd_t mq, int on) {
  int flags = fcntl(mq, F_GETFL);
  CHECK_EQUAL(fcntl(mq, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), 0);
}
static void set_by_ioctl(mqd_t mq, int on) { CHECK_EQUAL(ioctl(mq, FIONBIO, &on), 0); }
static void set_by_mq_setattr(mqd_t mq, int on) {
  CHECK_EQUAL(mq_setattr(mq, &(struct mq_attr){ .mq_flags = on ? O_NONBLOCK : 0 }, NULL), 0);
}
static void (*const ways_to_set[])(mqd_t, int) = { set_by_fcntl, set_by_ioctl, set_by_mq_setattr };
static int way_to_set, is_to_be_on;

static void set_in_child(void *mq) { ways_to_set[way_to_set](*(mqd_t *)mq, is_to_be_on); }

TEST(nonblocking_changed_in_every_way) {
  mqd_t mq = create(unique_name(), O_RDWR, 1), copy = dup(mq);
  char buffer[SIZE];
  for (int in_child = 0; in_child < 2; in_child++) {
    for (way_to_set = 0; way_to_set < 3; way_to_set++) {
      for (is_to_be_on = 1; is_to_be_on >= 0; is_to_be_on--) {
        if (in_child)
          FINISH(start(set_in_child, &copy));
        else
          ways_to_set[way_to_set](copy, is_to_be_on);
        int expected = is_to_be_on ? EAGAIN : ETIMEDOUT;
        for (int i = 0; i < 3; i++) CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, PAST), expected);
        CHECK_EQUAL(attributes(mq).mq_flags, is_to_be_on ? O_NONBLOCK : 0);
      }
    }
  }
}

/* A system call that no function of libc makes. */
static long raw_call(long number, long a) {
#ifdef __x86_64__
  long result = number;
  __asm__ volatile("syscall" : "+a"(result) : "D"(a) : "rcx", "r11", "memory");
  return result;
#else
  (void)number, (void)a;
  SKIP("this test knows the machine code of x86-64 only");
#endif
}

/* A few calls may pass before it is noticed, and none after that. */
enum { BEFORE_NOTICED = 64 };

TEST(closed_by_machine_code) {
  char buffer[SIZE];
  mqd_t mq = create(unique_name(), O_RDWR | O_NONBLOCK, 4);
  for (int round = 0; round < 3; round++) {
    put(mq, "1", 0);
    TAKE(mq, "1");
    mqd_t number = dup(mq);
    put(number, "1", 0);
    TAKE(mq, "1");
    CHECK_EQUAL(raw_call(SYS_close, number), 0);
    CHECK_EQUAL(raw_call(SYS_dup, 0), number);
    int calls = 0;
    while (mq_receive(number, buffer, SIZE, NULL) < 0 && errno != EBADF) CHECK(calls++ < BEFORE_NOTICED);
    CHECK(round == 0 || calls == 0);
    check_no_queue(number);
    CHECK_EQUAL(close(number), 0);
  }
}
