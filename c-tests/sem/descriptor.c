/* ipc_sem_fd() gives a descriptor that is readable while a permit is free, whichever process posts or takes one. */
#include "lanes.h"

static ipc_sem_t *sem;

static void post(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sem_post(sem), 0);
}

static void take(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sem_wait(sem, 0), 0);
}

static void sleep_for_permit(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sem_wait(sem, PATIENCE), 0);
}

static void levels(void) {
  int descriptor = ipc_sem_fd(sem);
  CHECK(descriptor >= 3);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN | EPOLLET };
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), 0);
  for (int round = 0; round < 10; round++) {
    CHECK_EQUAL(ipc_sem_fd(sem), descriptor);
    CHECK_EQUAL(reported(descriptor), POLLOUT);
    FINISH(start(post, NULL));
    CHECK_EQUAL(epoll_wait(epoll, &event, 1, (int)(PATIENCE / MILLISECOND)), 1);
    FINISH(start(post, NULL));
    CHECK_EQUAL(ipc_sem_wait(sem, 0), 0);
    CHECK_EQUAL(reported(descriptor), POLLIN | POLLOUT);
    if (round % 2) FINISH(start(take, NULL)); /* another process is faster */
    CHECK_EQUAL(ipc_sem_wait(sem, 0), round % 2 ? -EAGAIN : 0);
    CHECK_EQUAL(reported(descriptor), POLLOUT);
    /* A watch takes no wake-up from a thread that waits for the permit. */
    pid_t sleeper = start(sleep_for_permit, NULL);
    wait_until_inside(sleeper, SYS_futex);
    CHECK_EQUAL(ipc_sem_post(sem), 0);
    FINISH(sleeper);
    CHECK_EQUAL(ipc_sem_wait(sem, 0), -EAGAIN);
    CHECK_EQUAL(reported(descriptor), POLLOUT);
  }
  close(epoll);
}

static void run(enum lane lane) {
  char suffix[16];
  snprintf(suffix, sizeof suffix, "lane-%d", lane);
  int before = open_descriptors();
  CHECK_EQUAL(ipc_sem_open(&sem, unique_name(suffix), 0, IPC_CREATE, 0600), IPC_CREATED);
  levels();
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(open_descriptors(), before);

  sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(sem != MAP_FAILED);
  CHECK_EQUAL(ipc_sem_init(sem, 0), 0);
  levels();
  CHECK_EQUAL(ipc_sem_destroy(sem), 0);
  CHECK_EQUAL(open_descriptors(), before);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  CHECK_EQUAL(ipc_sem_fd(NULL), -EINVAL);
  ipc_sem_t *posix;
  CHECK(ipc_sem_open(&posix, unique_name("posix"), 0, IPC_CREATE | IPC_POSIX, 0600) >= 0);
  CHECK_FAILS(ipc_sem_fd(posix), -ENOTSUP, "C library");
  CHECK_EQUAL(ipc_sem_close(posix), 0);
  CHECK_EQUAL(ipc_sem_unlink_posix(test_names[0]), 0);
  in_each_lane(run);
  return 0;
}
