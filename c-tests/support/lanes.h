/* For tests of descriptors and waitsets: the ways in which the library learns of a wake-up. A test runs its body in a
 * child for each of them. */
#ifndef LANES_H
#define LANES_H

#include "test.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* Makes a system call fail with `error` in this process and its children, as a sandbox does. */
__attribute__((unused)) static void forbid(long number, int error) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) SKIP("this kernel has no seccomp filters");
}

enum lane { WITH_RING, WITH_WATCHER, WITH_PERIODS, LANES };

static void (*lane_body)(enum lane);

static inline void lane_start(void *lane) {
  enum lane number = *(enum lane *)lane;
  if (number >= WITH_WATCHER) forbid(SYS_io_uring_setup, EPERM);
  if (number >= WITH_PERIODS) forbid(SYS_futex_waitv, ENOSYS);
  lane_body(number);
}

/* Runs body(lane) once for each lane. */
__attribute__((unused)) static void in_each_lane(void (*body)(enum lane)) {
  lane_body = body;
  for (enum lane lane = WITH_RING; lane < LANES; lane++) FINISH(start(lane_start, &lane));
}

/* How many threads this process has. */
__attribute__((unused)) static int count_threads_here(void) {
  DIR *directory = opendir("/proc/self/task");
  CHECK(directory != NULL);
  int count = -2; /* "." and ".." */
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* What poll() reports now. */
__attribute__((unused)) static int reported(int descriptor) {
  struct pollfd set = { .fd = descriptor, .events = POLLIN | POLLOUT };
  CHECK(poll(&set, 1, 0) >= 0);
  return set.revents;
}

/* Waits until poll() reports the events, however long it takes. */
__attribute__((unused)) static void await_events(int descriptor, short events) {
  struct pollfd set = { .fd = descriptor, .events = events };
  CHECK_EQUAL(poll(&set, 1, (int)(PATIENCE / MILLISECOND)), 1);
  CHECK_EQUAL(set.revents & (events | POLLERR | POLLNVAL | POLLHUP), events);
}

#endif
