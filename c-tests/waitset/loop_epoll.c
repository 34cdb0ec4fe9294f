/* A daemon whose loop is plain epoll, with a queue, an event, a child and a timer in a waitset. */
#include "loop.h"
#include <sys/epoll.h>

static void daemon_loop(void *unused) {
  (void)unused;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN };
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, loop_open(), &event), 0);
  for (;;)
    if (epoll_wait(epoll, &event, 1, -1) == 1 && !loop_turn()) return;
}

int main(void) { return loop_test(daemon_loop); }
