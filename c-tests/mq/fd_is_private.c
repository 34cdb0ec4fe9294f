/* ipc_mq_fd() gives each handle of each process a descriptor of its own. It is readable while there is a message and
 * writable while there is room, whichever process sends and receives. Each lane that the
 * kernel may permit does all of this. */
#include "lanes.h"
#include "queue.h"

static const char *name;

static void send_x(void *unused) {
  (void)unused;
  send_text(join_queue(name, 0), "x", 0);
}

static void receive_x(void *unused) {
  (void)unused;
  expect_text(join_queue(name, 0), "x", 0);
}

static void levels(ipc_mq_t *mq) {
  char byte;
  int descriptor = ipc_mq_fd(mq);
  CHECK(descriptor >= 3);
  CHECK_EQUAL(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(ipc_mq_fd(mq), descriptor);
  for (int round = 0; round < 4; round++) {
    CHECK_EQUAL(reported(descriptor), POLLOUT);
    FINISH(start(send_x, NULL));
    await_events(descriptor, POLLIN);
    CHECK_EQUAL(reported(descriptor), POLLIN | POLLOUT);
    send_text(mq, "x", 0);
    CHECK_EQUAL(reported(descriptor), POLLIN);
    CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN);
    CHECK_EQUAL(reported(descriptor), POLLIN);
    FINISH(start(receive_x, NULL));
    await_events(descriptor, POLLOUT);
    await_events(descriptor, POLLIN); /* it comes a moment later */
    CHECK_EQUAL(reported(descriptor), POLLIN | POLLOUT);
    /* Another process is faster: the descriptor may be ready once, and no more. */
    FINISH(start(receive_x, NULL));
    CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EAGAIN);
    CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EAGAIN);
    CHECK_EQUAL(reported(descriptor), POLLOUT);
  }
}

/* Every change from "not ready" to "ready" is an edge. */
static void edges(ipc_mq_t *mq) {
  char byte;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN | EPOLLET };
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, ipc_mq_fd(mq), &event), 0);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 0), 0);
  for (int round = 0; round < 20; round++) {
    FINISH(start(send_x, NULL));
    CHECK_EQUAL(epoll_wait(epoll, &event, 1, (int)(PATIENCE / MILLISECOND)), 1);
    CHECK_EQUAL(epoll_wait(epoll, &event, 1, 0), 0);
    CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), 1);
    if (round % 2) CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EAGAIN);
  }
  close(epoll);
}

static void in_child(void *mq) {
  CHECK_EQUAL(reported(ipc_mq_fd(mq)), POLLOUT);
  FINISH(start(send_x, NULL));
  await_events(ipc_mq_fd(mq), POLLIN);
  expect_text(mq, "x", 0);
  CHECK_EQUAL(reported(ipc_mq_fd(mq)), POLLOUT);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

static void run(enum lane lane) {
  char suffix[16];
  snprintf(suffix, sizeof suffix, "lane-%d", lane);
  name = unique_name(suffix);
  ipc_mq_t *mq = make_queue(name, 2, 16);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  int before = open_descriptors(), threads = count_threads_here();
  mq = join_queue(name, 0);
  levels(mq);
  edges(mq);
  FINISH(start(in_child, mq));
  levels(mq);
  CHECK(count_threads_here() <= threads + 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(open_descriptors(), before);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  in_each_lane(run);
  return 0;
}
