/* A queue, a timer and a signal in one epoll loop. The queue's descriptor is readable while there is a message. */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void check(long result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static void watch(int epoll, int fd) {
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) exit(1);
}

int main(void) {
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 16 };
  ipc_mq_t *queue;
  check(ipc_mq_open(&queue, "/example-loop", &attr, IPC_CREATE, 0600));
  int queue_fd = ipc_mq_fd(queue); /* it belongs to the queue's handle: do not close it */
  check(queue_fd);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
  timerfd_settime(timer_fd, 0, &soon, NULL);

  int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, queue_fd);
  watch(epoll, timer_fd);
  watch(epoll, signal_fd);
  for (int is_over = 0; !is_over;) {
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, -1) != 1) continue;
    if (event.data.fd == timer_fd) {
      uint64_t count;
      if (read(timer_fd, &count, sizeof count) < 0) return 1;
      printf("the timer: sending a message\n");
      check(ipc_mq_send(queue, "hello", 5, 0, 0));
    } else if (event.data.fd == queue_fd) {
      /* Another process may have been faster, so the receive does not wait. */
      char text[16];
      ssize_t size = ipc_mq_receive(queue, text, sizeof text, NULL, 0);
      if (size < 0) continue;
      printf("the queue: %.*s\n", (int)size, text);
      raise(SIGTERM);
    } else {
      printf("the signal: ending\n");
      is_over = 1;
    }
  }
  check(ipc_mq_close(queue));
  check(ipc_mq_unlink("/example-loop", 0));
}
