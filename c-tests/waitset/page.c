/* ipc_waitset(3), sentence by sentence. Other tests of this folder have every kind of object and existing loops. */
#include "page.h"

#include <fcntl.h>
#include <poll.h>

static ipc_waitset_t *set;

static void wait_interrupted(void *unused) {
  (void)unused;
  ipc_ready_t ready;
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, PATIENCE), -EINTR);
  _exit(0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  ipc_ready_t ready[4];
  int a, b, c;
  CLAIM("flags is 0.");
  CHECK_EQUAL(ipc_waitset_open(&set, 1), -EINVAL);
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  CLAIM("nothing is ready and timeout_ns is 0");
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), -EAGAIN);
  CLAIM("the time has passed, and nothing is ready");
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, MILLISECOND), -ETIMEDOUT);
  handle_usr1(0);
  CLAIM("ipc_waitset_wait(): a signal handler ran during the wait.");
  CHECK_EQUAL(interrupt_until_ended(start(wait_interrupted, NULL), SIGUSR1), 0);

  ipc_event_t *events = shared_memory(2 * sizeof *events);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_event_init(&events[i], 0), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &events[0], &a), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &events[1], &b), 0);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), -EAGAIN);
  CHECK_EQUAL(ipc_event_set(&events[0]), 0);
  CLAIM("Each has the members tag, what (for a descriptor IPC_WAIT_FD, for a timer IPC_WAIT_TIMER) and reserved, which is 0.");
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, PATIENCE), 1);
  CHECK(ready[0].tag == &a);
  CHECK_EQUAL(ready[0].what, IPC_WAIT_EVENT);
  CHECK_EQUAL(ready[0].reserved, 0);
  CLAIM("An entry that stays ready is reported again by the next wait.");
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), 1);
  CLAIM("If more entries are ready than fit in, the next wait begins with the others.");
  CHECK_EQUAL(ipc_event_set(&events[1]), 0);
  for (int64_t end = now_ns() + PATIENCE; ipc_waitset_wait(set, ready, 4, 0) != 2; sched_yield()) CHECK(now_ns() < end);
  void *first = NULL;
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_waitset_wait(set, ready, 1, PATIENCE), 1);
    CHECK(ready[0].tag != first);
    first = ready[0].tag;
  }
  CLAIM("removes all entries with a tag");
  CHECK_EQUAL(ipc_waitset_remove(set, &a), 0);
  CLAIM("ipc_waitset_remove(): no entry has the tag.");
  CHECK_EQUAL(ipc_waitset_remove(set, &a), -ENOENT);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), 1);
  CHECK(ready[0].tag == &b);
  CHECK_EQUAL(ipc_waitset_remove(set, &b), 0);

  CLAIM("several periods that have passed are one expiry");
  CHECK_EQUAL(ipc_waitset_add_timer(set, 0, MILLISECOND, &c), 0);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, PATIENCE), 1);
  CHECK(ready[0].tag == &c);
  CHECK_EQUAL(ready[0].what, IPC_WAIT_TIMER);
  CHECK_EQUAL(ipc_waitset_remove(set, &c), 0);

  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  CHECK_EQUAL(ipc_waitset_add_fd(set, ends[0], POLLIN, &a), 0);
  CLAIM("ipc_waitset_add_fd(): the descriptor is in the set already.");
  CHECK_EQUAL(ipc_waitset_add_fd(set, ends[0], POLLIN, &b), -EEXIST);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), -EAGAIN);
  CLAIM("It is readable while an entry may be ready.");
  struct pollfd entry = { .fd = ipc_waitset_fd(set), .events = POLLIN };
  CHECK(entry.fd >= 3);
  CHECK_EQUAL(ipc_write_full(ends[1], "x", 1, 0), 1);
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
  CLAIM("The call takes nothing.");
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), 1);
  CHECK_EQUAL(ready[0].what, IPC_WAIT_FD);
  char byte;
  CHECK_EQUAL(ipc_read_full(ends[0], &byte, 1, 0), 1);
  CLAIM("If that gives -EAGAIN, the descriptor is not readable any more.");
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, 0), -EAGAIN);
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  CLAIM("a regular file or directory is always ready, and cannot be in a set");
  int directory = open("/", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(ipc_waitset_add_fd(set, directory, POLLIN, &b), -EPERM);
  CHECK_EQUAL(close(directory), 0);
  CHECK_EQUAL(ipc_waitset_add_fd(set, 1000000, POLLIN, &b), -EBADF);
  CLAIM("A pointer is NULL or misaligned, an object is not initialised, or what, flags, poll_events, capacity or a time is invalid.");
  CHECK_EQUAL(ipc_waitset_add(set, 99, &events[0], &b), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, NULL, &b), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 1, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add_timer(set, -5, 0, &b), -EINVAL);
  CLAIM("the memory holds another type of object");
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_SEM, &events[0], &b), -EPROTO);
  CLAIM("ends a set, and closes none of its objects");
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  CHECK(fcntl(ends[0], F_GETFD) >= 0);
  CHECK_EQUAL(ipc_waitset_wait(set, ready, 1, 0), -EBADF);
  CHECK_EQUAL(close(ends[0]), 0);
  CHECK_EQUAL(close(ends[1]), 0);
  return 0;
}
