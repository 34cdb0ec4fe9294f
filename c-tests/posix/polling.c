/* The calls that wait for descriptors, while queues and other files are among them. */
#include "posix.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

#define PATIENCE_MS (PATIENCE_SECONDS * 1000)

static int poll_one(int fd, short events, int timeout) {
  struct pollfd entry = { .fd = fd, .events = events };
  int result = poll(&entry, 1, timeout);
  CHECK(result >= 0);
  return result == 0 ? 0 : entry.revents;
}

static int ppoll_one(int fd, short events, int timeout) {
  struct pollfd entry = { .fd = fd, .events = events };
  struct timespec time = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };
  int result = ppoll(&entry, 1, timeout < 0 ? NULL : &time, NULL);
  CHECK(result >= 0);
  return result == 0 ? 0 : entry.revents;
}

static int select_one(int fd, short events, int timeout) {
  fd_set read, write;
  FD_ZERO(&read);
  FD_ZERO(&write);
  if (events & POLLIN) FD_SET(fd, &read);
  if (events & POLLOUT) FD_SET(fd, &write);
  struct timeval time = { .tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000L };
  CHECK(select(fd + 1, &read, &write, NULL, timeout < 0 ? NULL : &time) >= 0);
  return (FD_ISSET(fd, &read) ? POLLIN : 0) | (FD_ISSET(fd, &write) ? POLLOUT : 0);
}

static int pselect_one(int fd, short events, int timeout) {
  fd_set read, write;
  FD_ZERO(&read);
  FD_ZERO(&write);
  if (events & POLLIN) FD_SET(fd, &read);
  if (events & POLLOUT) FD_SET(fd, &write);
  struct timespec time = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };
  CHECK(pselect(fd + 1, &read, &write, NULL, timeout < 0 ? NULL : &time, NULL) >= 0);
  return (FD_ISSET(fd, &read) ? POLLIN : 0) | (FD_ISSET(fd, &write) ? POLLOUT : 0);
}

static int epoll_one_by(int fd, short events, int timeout, int how) {
  int set = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = (uint32_t)events, .data.fd = fd }, found = { 0 };
  CHECK_EQUAL(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
  int number = set;
  if (how == 1) number = dup(set);
  int outer = -1;
  if (how == 2) {
    number = outer = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event inner = { .events = EPOLLIN, .data.fd = set };
    CHECK_EQUAL(epoll_ctl(outer, EPOLL_CTL_ADD, set, &inner), 0);
  }
  if (how == 3) {
    struct pollfd entry = { .fd = set, .events = POLLIN };
    CHECK(poll(&entry, 1, timeout) >= 0);
    timeout = 0;
  }
  int result = how == 4 ? epoll_pwait(number, &found, 1, timeout, NULL) : epoll_wait(number, &found, 1, timeout);
  CHECK(result >= 0);
  if (how == 2 && result == 1) {
    CHECK_EQUAL(found.data.fd, set);
    result = epoll_wait(set, &found, 1, 0);
  }
  if (result == 1) CHECK_EQUAL(found.data.fd, fd);
  if (number != set) close(number);
  close(set);
  return result == 0 ? 0 : (int)found.events;
}

static int epoll_one(int fd, short events, int timeout) { return epoll_one_by(fd, events, timeout, 0); }
static int epoll_duplicate(int fd, short events, int timeout) { return epoll_one_by(fd, events, timeout, 1); }
static int epoll_in_epoll(int fd, short events, int timeout) { return epoll_one_by(fd, events, timeout, 2); }
static int poll_epoll(int fd, short events, int timeout) { return epoll_one_by(fd, events, timeout, 3); }
static int epoll_pwait_one(int fd, short events, int timeout) { return epoll_one_by(fd, events, timeout, 4); }

/* Beside a pipe on which nothing comes. */
static int poll_beside_a_pipe(int fd, short events, int timeout) {
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  struct pollfd entries[] = { { .fd = ends[0], .events = POLLIN }, { .fd = -1, .events = POLLIN }, { .fd = fd, .events = events } };
  int result = poll(entries, 3, timeout);
  CHECK(result >= 0);
  CHECK_EQUAL(entries[0].revents, 0);
  CHECK_EQUAL(entries[1].revents, 0);
  CHECK_EQUAL(result, entries[2].revents != 0);
  close(ends[0]);
  close(ends[1]);
  return entries[2].revents;
}

static int poll_by_syscall(int fd, short events, int timeout) {
#ifdef SYS_poll
  struct pollfd entry = { .fd = fd, .events = events };
  long result = syscall(SYS_poll, &entry, 1, timeout);
  CHECK(result >= 0);
  return result == 0 ? 0 : entry.revents;
#else
  return poll_one(fd, events, timeout);
#endif
}

/* All ways to wait for one descriptor. */
static int (*const ways[])(int, short, int) = { poll_one, ppoll_one, select_one, pselect_one, epoll_one, epoll_duplicate,
  epoll_in_epoll, poll_epoll, epoll_pwait_one, poll_beside_a_pipe, poll_by_syscall };
enum { WAYS = sizeof ways / sizeof ways[0] };

TEST(each_way_tells_the_state) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 2), other = join(name, O_RDWR);
  for (int way = 0; way < WAYS; way++) {
    const short both = POLLIN | POLLOUT;
    for (int timeout = 0; timeout < 2; timeout++) {
      CHECK_EQUAL(ways[way](mq, both, timeout), POLLOUT);
      CHECK_EQUAL(ways[way](mq, POLLIN, timeout), 0);
      put(other, "1", 0);
      CHECK_EQUAL(ways[way](mq, both, timeout), both);
      CHECK_EQUAL(ways[way](mq, POLLIN, timeout), POLLIN);
      put(mq, "2", 0);
      CHECK_EQUAL(ways[way](mq, both, timeout), POLLIN);
      CHECK_EQUAL(ways[way](mq, POLLOUT, timeout), 0);
      TAKE(other, "1");
      CHECK_EQUAL(ways[way](mq, both, timeout), both);
      TAKE(other, "2");
    }
  }
}

static void await_and_take(void *name) {
  mqd_t mq = join(name, O_RDWR | O_NONBLOCK);
  for (int way = 0; way < WAYS; way++) {
    about_to_block();
    CHECK_EQUAL(ways[way](mq, POLLIN, PATIENCE_MS), POLLIN);
    TAKE(mq, "wakes");
    for (int i = 0; i < 2; i++) put(mq, "fills", 0);
    about_to_block();
    CHECK_EQUAL(ways[way](mq, POLLOUT, PATIENCE_MS), POLLOUT);
    TAKE(mq, "fills");
  }
}

TEST(each_way_is_woken) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 2);
  pid_t child = start(await_and_take, (void *)name);
  for (int way = 0; way < WAYS; way++) {
    wait_until_blocked();
    put(mq, "wakes", 0);
    wait_until_blocked();
    TAKE(mq, "fills");
  }
  FINISH(child);
}

/* A process that has a queue by inheritance may wait for it before it makes any other call. */
static void wait_for_inherited(void *mq) {
  about_to_block();
  CHECK_EQUAL(poll_one(*(mqd_t *)mq, POLLIN, PATIENCE_MS), POLLIN);
}

TEST(several_are_woken) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  pid_t children[4];
  for (int i = 0; i < 4; i++) {
    children[i] = start(wait_for_inherited, &mq);
    wait_until_blocked();
  }
  put(mq, "for all", 0);
  for (int i = 0; i < 4; i++) FINISH(children[i]);
}

/* Waits for three queues and a pipe at once, and takes what comes. */
TEST(several_queues_and_a_pipe) {
  mqd_t queues[3];
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  struct pollfd entries[4] = { { .fd = ends[0], .events = POLLIN } };
  for (int i = 0; i < 3; i++) {
    queues[i] = create(unique_name(), O_RDWR, 1);
    entries[i + 1] = (struct pollfd){ .fd = queues[i], .events = POLLIN };
  }
  CHECK_EQUAL(poll(entries, 4, 1), 0);
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK_EQUAL(poll(entries, 4, 1), 1);
  CHECK_EQUAL(entries[0].revents, POLLIN);
  for (int i = 0; i < 3; i++) {
    put(queues[i], "1", 0);
    CHECK_EQUAL(poll(entries, 4, 1), 2);
    for (int j = 0; j < 3; j++) CHECK_EQUAL(entries[j + 1].revents, i == j ? POLLIN : 0);
    TAKE(queues[i], "1");
  }
}

/* A handler ends the wait. */
static void wait_until_interrupted(void *mq) {
  handle_signals(SA_RESTART);
  struct pollfd entry = { .fd = *(mqd_t *)mq, .events = POLLIN };
  about_to_block();
  CHECK_FAILS(poll(&entry, 1, -1), EINTR);
  CHECK_EQUAL(handler_runs, 1);
}

TEST(interrupted) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  pid_t child = start(wait_until_interrupted, &mq);
  pid_t thread = wait_until_blocked();
  CHECK_EQUAL(kill(thread, SIGUSR1), 0);
  FINISH(child);
}

/* A process that is killed while it waits in poll() does no harm to others. */
TEST(killed_while_waiting) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  for (int i = 0; i < 20; i++) {
    pid_t first = start(wait_for_inherited, &mq);
    wait_until_blocked();
    pid_t second = start(wait_for_inherited, &mq);
    wait_until_blocked();
    KILL(first);
    put(mq, "1", 0);
    FINISH(second);
    TAKE(mq, "1");
  }
}

static void receive_when_told(void *mq) {
  char buffer[SIZE];
  about_to_block();
  CHECK_EQUAL(poll_one(*(mqd_t *)mq, POLLIN, PATIENCE_MS), POLLIN);
  mq_receive(*(mqd_t *)mq, buffer, SIZE, NULL);
  for (int number = 0; number < 2000;) {
    CHECK_EQUAL(poll_one(*(mqd_t *)mq, POLLIN, PATIENCE_MS), POLLIN);
    if (mq_receive(*(mqd_t *)mq, buffer, SIZE, NULL) < 0) {
      CHECK_EQUAL(errno, EAGAIN);
    } else if (strncmp(buffer, "last", 4) == 0) {
      exit(0);
    }
  }
}

/* Several pollers and receivers of one queue: no wake-up is lost. */
TEST(pollers_compete) {
  mqd_t mq = create(unique_name(), O_RDWR | O_NONBLOCK, 2);
  pid_t children[2];
  for (int i = 0; i < 2; i++) children[i] = start(receive_when_told, &mq);
  for (int i = 0; i < 5000; i++) {
    CHECK_EQUAL(poll_one(mq, POLLOUT, PATIENCE_MS), POLLOUT);
    put(mq, "some", 0);
  }
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(poll_one(mq, POLLOUT, PATIENCE_MS), POLLOUT);
    put(mq, "last", 0);
  }
  for (int i = 0; i < 2; i++) FINISH(children[i]);
}

/* An entry with an invalid descriptor does not keep the others from being told. */
TEST(beside_a_closed_descriptor) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  struct pollfd entries[] = { { .fd = mq, .events = POLLOUT }, { .fd = 1000, .events = POLLIN } };
  CHECK_EQUAL(poll(entries, 2, 0), 2);
  CHECK_EQUAL(entries[0].revents, POLLOUT);
  CHECK_EQUAL(entries[1].revents, POLLNVAL);
}
