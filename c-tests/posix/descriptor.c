/* mq_overview(7): a message queue's descriptor is a file descriptor on Linux, and programs rely on that. */
#define PROGRAM_ROLE role
#include "posix.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The events that poll() reports at once. */
static int state(int fd) {
  struct pollfd entry = { .fd = fd, .events = POLLIN | POLLOUT };
  CHECK(poll(&entry, 1, 0) >= 0);
  return entry.revents;
}

/* Waits for the events. Returns those that came. */
static int await_events(int fd, short events) {
  struct pollfd entry = { .fd = fd, .events = events };
  CHECK_EQUAL(poll(&entry, 1, PATIENCE_SECONDS * 1000), 1);
  return entry.revents;
}

TEST(poll_tells_the_state) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 2), other = join(name, O_RDWR);
  for (int round = 0; round < 3; round++) {
    CHECK_EQUAL(state(mq), POLLOUT);
    put(other, "1", 0);
    CHECK_EQUAL(state(mq), POLLIN | POLLOUT);
    put(mq, "2", 0);
    CHECK_EQUAL(state(mq), POLLIN);
    CHECK_EQUAL(state(other), POLLIN);
    TAKE(other, "1");
    CHECK_EQUAL(state(mq), POLLIN | POLLOUT);
    TAKE(mq, "2");
    CHECK_EQUAL(state(other), POLLOUT);
  }
}

TEST(poll_with_one_slot) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  for (int round = 0; round < 3; round++) {
    CHECK_EQUAL(state(mq), POLLOUT);
    put(mq, "x", 0);
    CHECK_EQUAL(state(mq), POLLIN);
    TAKE(mq, "x");
  }
}

TEST(poll_after_the_fact) {
  /* A message counts even if its sender has ended, before this descriptor was opened. */
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  put(mq, "x", 0);
  CHECK_EQUAL(mq_close(mq), 0);
  mq = join(name, O_RDONLY);
  CHECK_EQUAL(state(mq) & POLLIN, POLLIN);
  TAKE(mq, "x");
  CHECK_EQUAL(state(mq) & POLLIN, 0);
}

static void send_when_asleep(void *name) {
  mqd_t mq = join(name, O_WRONLY);
  wait_until_blocked();
  put(mq, "wake up", 0);
}

static void take_when_asleep(void *name) {
  mqd_t mq = join(name, O_RDONLY);
  wait_until_blocked();
  TAKE(mq, "in the way");
}

TEST(poll_is_woken_by_a_message) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  for (int round = 0; round < 3; round++) {
    pid_t child = start(send_when_asleep, (void *)name);
    about_to_block();
    CHECK_EQUAL(await_events(mq, POLLIN), POLLIN);
    TAKE(mq, "wake up");
    FINISH(child);
  }
}

TEST(poll_is_woken_by_room) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  for (int round = 0; round < 3; round++) {
    put(mq, "in the way", 0);
    pid_t child = start(take_when_asleep, (void *)name);
    about_to_block();
    CHECK_EQUAL(await_events(mq, POLLOUT), POLLOUT);
    FINISH(child);
  }
}

TEST(poll_after_overtaking) {
  /* A reader takes the message that woke another one: no reader sees a message that is gone. */
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  for (int i = 0; i < 1000; i++) {
    put(mq, "x", 0);
    if (i % 3 == 0) put(mq, "y", 1);
    CHECK_EQUAL(state(mq) & POLLIN, POLLIN);
    if (i % 3 == 0) TAKE(mq, "y");
    TAKE(mq, "x");
    CHECK_EQUAL(state(mq), POLLOUT);
  }
}

TEST(poll_from_several_processes) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 4);
  pid_t child = start(send_when_asleep, (void *)name);
  struct pollfd entries[2] = { { .fd = mq, .events = POLLIN }, { .fd = join(name, O_RDONLY), .events = POLLIN } };
  about_to_block();
  CHECK(poll(entries, 2, PATIENCE_SECONDS * 1000) > 0);
  FINISH(child);
  CHECK_EQUAL(poll(entries, 2, 0), 2);
}

TEST(select_tells_the_state) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  for (int full = 0; full < 2; full++) {
    fd_set in, out, odd;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&odd);
    FD_SET(mq, &in);
    FD_SET(mq, &out);
    FD_SET(mq, &odd);
    CHECK_EQUAL(select(mq + 1, &in, &out, &odd, &(struct timeval){ 0 }), 1);
    CHECK_EQUAL(!!FD_ISSET(mq, &in), full);
    CHECK_EQUAL(!!FD_ISSET(mq, &out), !full);
    CHECK_EQUAL(!!FD_ISSET(mq, &odd), 0);
    if (!full) put(mq, "x", 0);
  }
}

static int watch(int fd, uint32_t events) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = events, .data.fd = fd };
  CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
  return epoll;
}

/* The events that the epoll descriptor reports within that many milliseconds. */
static uint32_t events_of(int epoll, int milliseconds) {
  struct epoll_event event;
  int count = epoll_wait(epoll, &event, 1, milliseconds);
  CHECK(count >= 0);
  return count == 0 ? 0 : event.events;
}

TEST(epoll_level) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  int in = watch(mq, EPOLLIN), both = watch(mq, EPOLLIN | EPOLLOUT);
  for (int round = 0; round < 3; round++) {
    CHECK_EQUAL(events_of(in, 0), 0);
    CHECK_EQUAL(events_of(both, 0), EPOLLOUT);
    put(mq, "1", 0);
    CHECK_EQUAL(events_of(in, 0), EPOLLIN);
    CHECK_EQUAL(events_of(in, 0), EPOLLIN); /* as long as the message is there */
    put(mq, "2", 0);
    CHECK_EQUAL(events_of(both, 0), EPOLLIN);
    TAKE(mq, "1");
    CHECK_EQUAL(events_of(both, 0), EPOLLIN | EPOLLOUT);
    TAKE(mq, "2");
  }
}

TEST(epoll_is_woken) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  int epoll = watch(mq, EPOLLIN);
  for (int round = 0; round < 3; round++) {
    pid_t child = start(send_when_asleep, (void *)name);
    about_to_block();
    CHECK_EQUAL(events_of(epoll, PATIENCE_SECONDS * 1000), EPOLLIN);
    TAKE(mq, "wake up");
    FINISH(child);
  }
}

TEST(epoll_edge) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 4), other = join(name, O_RDWR);
  int epoll = watch(mq, EPOLLIN | EPOLLET);
  for (int round = 0; round < 3; round++) {
    CHECK_EQUAL(events_of(epoll, 0), 0);
    put(other, "x", 0);
    CHECK_EQUAL(events_of(epoll, 0), EPOLLIN);
    CHECK_EQUAL(events_of(epoll, 0), 0); /* reported once */
    TAKE(other, "x");
  }
}

TEST(epoll_edge_for_each_message) {
  mqd_t mq = create(unique_name(), O_RDWR, 3);
  int epoll = watch(mq, EPOLLIN | EPOLLET);
  for (int i = 0; i < 3; i++) {
    put(mq, "x", 0);
    CHECK_EQUAL(events_of(epoll, 0), EPOLLIN);
    CHECK_EQUAL(events_of(epoll, 0), 0);
  }
}

TEST(epoll_one_shot) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  int epoll = watch(mq, EPOLLIN | EPOLLONESHOT);
  put(mq, "x", 0);
  CHECK_EQUAL(events_of(epoll, 0), EPOLLIN);
  CHECK_EQUAL(events_of(epoll, 0), 0);
  struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = mq };
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_MOD, mq, &event), 0);
  CHECK_EQUAL(events_of(epoll, 0), EPOLLIN);
}

/* An event loop and a sender that never wait for each other: no wake-up may be lost. */
enum { STREAM = 3000 };
static void stream(void *name) {
  mqd_t mq = join(name, O_WRONLY | O_NONBLOCK);
  for (int i = 0; i < STREAM;) {
    if (mq_send(mq, (const char *)&i, sizeof i, 0) == 0) i++;
    else CHECK(errno == EAGAIN && await_events(mq, POLLOUT) == POLLOUT);
  }
}

TEST(event_loop) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDONLY | O_NONBLOCK, 3);
  int epoll = watch(mq, EPOLLIN | EPOLLET);
  pid_t child = start(stream, (void *)name);
  for (int expected = 0; expected < STREAM;) {
    CHECK_EQUAL(events_of(epoll, PATIENCE_SECONDS * 1000) & EPOLLIN, EPOLLIN);
    char buffer[SIZE];
    while (mq_receive(mq, buffer, SIZE, NULL) == (ssize_t)sizeof expected) {
      CHECK(memcmp(buffer, &expected, sizeof expected) == 0);
      expected++;
    }
    CHECK_EQUAL(errno, EAGAIN);
  }
  FINISH(child);
}

TEST(dup_is_the_same_queue) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 2);
  int copy = dup(mq), other = fcntl(mq, F_DUPFD_CLOEXEC, 100);
  CHECK(copy >= 0 && other >= 100);
  put(copy, "1", 0);
  put(other, "2", 0);
  CHECK_EQUAL(state(copy), POLLIN);
  CHECK_EQUAL(mq_close(mq), 0); /* the others are still open */
  TAKE(other, "1");
  CHECK_EQUAL(mq_close(other), 0);
  TAKE(copy, "2");
  CHECK_EQUAL(state(copy), POLLOUT);
  CHECK_EQUAL(mq_close(copy), 0);
}

TEST(dup_of_an_unlinked_queue) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(mq_unlink(name), 0);
  int copy = dup(mq);
  CHECK_EQUAL(close(mq), 0);
  put(copy, "x", 0);
  TAKE(copy, "x");
}

static void use_inherited(void *mq) {
  TAKE(*(mqd_t *)mq, "to the child");
  put(*(mqd_t *)mq, "to the parent", 0);
  CHECK_EQUAL(state(*(mqd_t *)mq), POLLIN);
}

TEST(fork_inherits) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(mq_unlink(name), 0);
  put(mq, "to the child", 0);
  FINISH(start(use_inherited, &mq));
  TAKE(mq, "to the parent");
}

static const char *forking_name;
static _Atomic int forking_is_over;

static void *open_meanwhile(void *unused) {
  (void)unused;
  while (!forking_is_over) {
    mqd_t mq = join(forking_name, O_RDONLY);
    CHECK_EQUAL(mq_close(mq), 0);
  }
  return NULL;
}

static void use_inherited_and_own(void *mq) {
  put(*(mqd_t *)mq, "inherited", 0);
  TAKE(*(mqd_t *)mq, "inherited");
  mqd_t own = join(forking_name, O_RDWR);
  put(own, "own", 0);
  TAKE(own, "own");
  CHECK_EQUAL(mq_close(own), 0);
}

/* The child does not have the threads that were in the middle of a call. */
TEST(fork_while_threads_open) {
  forking_name = unique_name();
  mqd_t mq = create(forking_name, O_RDWR, 1);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) threads[i] = run(open_meanwhile, NULL);
  for (int i = 0; i < 100; i++) FINISH(start(use_inherited_and_own, &mq));
  forking_is_over = 1;
  for (int i = 0; i < 2; i++) finish_thread(threads[i]);
}

static void wait_on_inherited(void *mq) {
  about_to_block();
  CHECK_EQUAL(await_events(*(mqd_t *)mq, POLLIN), POLLIN);
  TAKE(*(mqd_t *)mq, "wake up");
}

TEST(poll_of_an_inherited_descriptor) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  pid_t child = start(wait_on_inherited, &mq);
  wait_until_blocked();
  put(mq, "wake up", 0);
  FINISH(child);
}

/* An executed copy of this program gets its job and the number of the descriptor. */
static void execute(const char *what, int fd) {
  char number[16];
  snprintf(number, sizeof number, "%d", fd);
  char *arguments[] = { test_arguments[0], "--role", (char *)what, number, NULL };
  execv("/proc/self/exe", arguments);
}

static void receive_descriptor(int socket);

static void role(char **arguments) {
  int fd = atoi(arguments[1]);
  if (strcmp(arguments[0], "closed") == 0) {
    CHECK_FAILS(fcntl(fd, F_GETFD), EBADF);
    CHECK_FAILS(mq_send(fd, "x", 1, 0), EBADF);
  } else if (strcmp(arguments[0], "kept") == 0) {
    CHECK_EQUAL(state(fd), POLLIN);
    TAKE(fd, "to the child");
    CHECK_EQUAL(state(fd), POLLOUT);
    put(fd, "to the parent", 0);
  } else {
    receive_descriptor(fd);
  }
}

static void execute_closed(void *mq) { execute("closed", *(mqd_t *)mq); }
static void execute_kept(void *mq) {
  CHECK_EQUAL(fcntl(*(mqd_t *)mq, F_SETFD, 0), 0);
  execute("kept", *(mqd_t *)mq);
}

TEST(exec_closes) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  FINISH(start(execute_closed, &mq));
  put(mq, "x", 0);
  TAKE(mq, "x");
}

TEST(exec_keeps_what_is_told_so) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  put(mq, "to the child", 0);
  FINISH(start(execute_kept, &mq));
  TAKE(mq, "to the parent");
}

TEST(exec_keeps_an_unlinked_queue) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(mq_unlink(name), 0);
  put(mq, "to the child", 0);
  FINISH(start(execute_kept, &mq));
  TAKE(mq, "to the parent");
}

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

static void pass(int socket, int fd) {
  char byte = 0;
  union control control = { .space = { 0 } };
  struct iovec data = { .iov_base = &byte, .iov_len = 1 };
  struct msghdr message = {
    .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  CHECK_EQUAL(sendmsg(socket, &message, 0), 1);
}

static int get(int socket) {
  char byte;
  int fd;
  union control control = { .space = { 0 } };
  struct iovec data = { .iov_base = &byte, .iov_len = 1 };
  struct msghdr message = {
    .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  CHECK_EQUAL(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), 1);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  CHECK(header != NULL && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fd));
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

/* A process that has never opened the queue polls it first, then uses it. */
static void receive_descriptor(int socket) {
  int mq = get(socket);
  char buffer[SIZE];
  CHECK_EQUAL(state(mq), POLLOUT);
  CHECK_EQUAL(fcntl(mq, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(write(socket, "r", 1), 1);
  CHECK_EQUAL(await_events(mq, POLLIN), POLLIN);
  TAKE(mq, "passed");
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EAGAIN);
  put(mq, "back", 0);
  CHECK_EQUAL(mq_close(mq), 0);
}

static void execute_receiver(void *socket) { execute("receiver", *(int *)socket); }

static void pass_and_use(int unlinked) {
  int sockets[2];
  char byte;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  pid_t child = start(execute_receiver, &sockets[1]);
  CHECK_EQUAL(close(sockets[1]), 0);
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR | O_NONBLOCK, 1);
  if (unlinked) CHECK_EQUAL(mq_unlink(name), 0);
  pass(sockets[0], mq);
  CHECK_EQUAL(read(sockets[0], &byte, 1), 1);
  put(mq, "passed", 0);
  FINISH(child);
  TAKE(mq, "back");
}

TEST(passed_over_a_socket) { pass_and_use(0); }
TEST(passed_when_unlinked) { pass_and_use(1); }

TEST(passed_only) {
  /* The sender closes its descriptor while the one in the socket is the only one left. */
  int sockets[2];
  const char *name = unique_name();
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(mq_unlink(name), 0);
  put(mq, "under way", 0);
  pass(sockets[0], mq);
  CHECK_EQUAL(mq_close(mq), 0);
  mq = get(sockets[1]);
  CHECK_EQUAL(state(mq), POLLIN);
  TAKE(mq, "under way");
}

TEST(access_mode_goes_along) {
  int sockets[2];
  char buffer[SIZE];
  const char *name = unique_name();
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  create(name, O_RDWR, 1);
  pass(sockets[0], join(name, O_RDONLY));
  pass(sockets[0], join(name, O_WRONLY));
  mqd_t in = get(sockets[1]), out = get(sockets[1]);
  CHECK_FAILS(mq_send(in, "x", 1, 0), EBADF);
  CHECK_FAILS(mq_receive(out, buffer, SIZE, NULL), EBADF);
  put(out, "x", 0);
  TAKE(in, "x");
}

TEST(stat_does_no_harm) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  struct stat status;
  put(mq, "x", 0);
  CHECK_EQUAL(fstat(mq, &status), 0);
  CHECK_EQUAL(status.st_mode & 0777, 0600);
  CHECK_EQUAL(status.st_uid, geteuid());
  CHECK_FAILS(isatty(mq) - 1, ENOTTY);
  TAKE(mq, "x");
}

TEST(many_descriptors) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1), all[200];
  for (int i = 0; i < 200; i++) all[i] = join(name, O_RDWR);
  for (int i = 0; i < 200; i++) {
    put(all[i], "x", 0);
    CHECK_EQUAL(state(all[199 - i]), POLLIN);
    TAKE(all[199 - i], "x");
  }
  for (int i = 0; i < 200; i++) CHECK_EQUAL(mq_close(all[i]), 0);
  put(mq, "x", 0);
}
