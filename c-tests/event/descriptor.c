/* ipc_event_fd() gives a descriptor that is readable while the event is set, whichever process sets or resets it. It
 * lasts until the event is destroyed or its region is closed, and a forked child gets its own. */
#include "lanes.h"

typedef struct {
  ipc_event_t manual, automatic;
} Shared;

static Shared *shared;

static void set_manual(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_set(&shared->manual), 0);
}

static void set_automatic(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_set(&shared->automatic), 0);
}

static void take_automatic(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_wait(&shared->automatic, 0), 0);
}

static void in_child(void *unused) {
  (void)unused;
  int descriptor = ipc_event_fd(&shared->automatic);
  CHECK_EQUAL(reported(descriptor), POLLOUT);
  FINISH(start(set_automatic, NULL));
  await_events(descriptor, POLLIN);
  CHECK_EQUAL(ipc_event_wait(&shared->automatic, 0), 0);
  CHECK_EQUAL(reported(descriptor), POLLOUT);
}

static void levels(void) {
  int manual = ipc_event_fd(&shared->manual), automatic = ipc_event_fd(&shared->automatic);
  CHECK(manual >= 3 && automatic >= 3 && manual != automatic);
  CHECK_EQUAL(fcntl(manual, F_GETFD), FD_CLOEXEC);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN | EPOLLET };
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, automatic, &event), 0);
  for (int round = 0; round < 10; round++) {
    CHECK_EQUAL(ipc_event_fd(&shared->manual), manual);
    CHECK_EQUAL(reported(manual), POLLOUT);
    FINISH(start(set_manual, NULL));
    await_events(manual, POLLIN);
    CHECK_EQUAL(ipc_event_wait(&shared->manual, 0), 0);
    CHECK_EQUAL(reported(manual), POLLIN | POLLOUT);
    CHECK_EQUAL(ipc_event_reset(&shared->manual), 0);
    CHECK_EQUAL(reported(manual), POLLOUT);
    FINISH(start(set_automatic, NULL));
    CHECK_EQUAL(epoll_wait(epoll, &event, 1, (int)(PATIENCE / MILLISECOND)), 1);
    if (round % 2) FINISH(start(take_automatic, NULL)); /* another process is faster */
    CHECK_EQUAL(ipc_event_wait(&shared->automatic, 0), round % 2 ? -EAGAIN : 0);
    CHECK_EQUAL(reported(automatic), POLLOUT);
  }
  close(epoll);
}

static void in_region(enum lane lane) {
  char name[16];
  snprintf(name, sizeof name, "region-%d", lane);
  ipc_shm_t *shm;
  ipc_event_init(&shared->manual, 0);
  int before = open_descriptors();
  CHECK(ipc_shm_open(&shm, unique_name(name), sizeof(Shared), IPC_CREATE, 0600) >= 0);
  Shared *placed = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_event_init(&placed->manual, 0), 0);
  int descriptor = ipc_event_fd(&placed->manual);
  CHECK(descriptor >= 3);
  CHECK_EQUAL(ipc_event_set(&placed->manual), 0);
  await_events(descriptor, POLLIN);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(open_descriptors(), before);
  CHECK_EQUAL(reported(descriptor) & POLLNVAL, POLLNVAL);
}

static void run(enum lane lane) {
  in_region(lane);
  CHECK_EQUAL(ipc_event_init(&shared->manual, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->automatic, IPC_EVENT_AUTO_RESET), 0);
  int before = open_descriptors();
  levels();
  FINISH(start(in_child, NULL));
  levels();
  /* A setting wakes waiting threads as ever. */
  FINISH(start(set_manual, NULL));
  CHECK_EQUAL(ipc_event_wait(&shared->manual, PATIENCE), 0);
  /* Closed behind the library: the number is not touched, and the next call gives a new descriptor. */
  int closed = ipc_event_fd(&shared->manual), other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(dup2(other, closed), closed);
  CHECK_EQUAL(ipc_event_reset(&shared->manual), 0);
  int fresh = ipc_event_fd(&shared->manual);
  CHECK(fresh >= 0 && fresh != closed);
  FINISH(start(set_manual, NULL));
  await_events(fresh, POLLIN);
  CHECK_EQUAL(ipc_event_destroy(&shared->manual), 0);
  CHECK_EQUAL(ipc_event_destroy(&shared->automatic), 0);
  CHECK_EQUAL(close(closed), 0);
  close(other);
  CHECK_EQUAL(open_descriptors(), before);
  CHECK_FAILS(ipc_event_fd(&shared->manual), -EINVAL, "not initialised");
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  CHECK_EQUAL(ipc_event_fd(NULL), -EINVAL);
  in_each_lane(run);
  return 0;
}
