/* Waitsets refuse what they cannot do, keep deadlines, and end a wait when a signal handler ran. */
#include "lanes.h"
#include "queue.h"

static void handler(int signal) { (void)signal; }

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  ipc_waitset_t *set, *none = NULL;
  ipc_ready_t ready;
  int tag, ends[2];
  CHECK_EQUAL(ipc_waitset_open(NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_waitset_open(&none, 1), -EINVAL);
  CHECK(none == NULL);
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  CHECK_EQUAL(ipc_waitset_wait(NULL, &ready, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, -2), -EINVAL);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
  int64_t before = now_ns();
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - before >= 20 * MILLISECOND);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, ipc_deadline(MILLISECOND)), -ETIMEDOUT);

  ipc_mq_t *mq = make_queue(unique_name("mq"), 2, 16);
  CHECK_EQUAL(ipc_waitset_add(NULL, IPC_WAIT_MESSAGE, mq, &tag), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, NULL, &tag), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add(set, 99, mq, &tag), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_CHILD, mq, &tag), -EBADF);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, mq, &tag), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, set, &tag), -EBADF);
  static ipc_event_t event;
  static ipc_sem_t sem;
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &event, &tag), -EINVAL);
  CHECK_EQUAL(ipc_sem_init(&sem, 1), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &sem, &tag), -EPROTO);
  CHECK_EQUAL(ipc_waitset_add_fd(set, -1, POLLIN, &tag), -EBADF);
  CHECK_EQUAL(ipc_waitset_add_fd(set, 0, 1 << 20, &tag), -EINVAL);
  int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(ipc_waitset_add_fd(set, file, POLLIN, &tag), -EPERM);
  close(file);
  CHECK_EQUAL(ipc_waitset_add_timer(set, IPC_FOREVER, 0, &tag), -EINVAL);
  CHECK_EQUAL(ipc_waitset_add_timer(set, 1, -1, &tag), -EINVAL);
  CHECK_FAILS(ipc_waitset_remove(set, &tag), -ENOENT, "no entry"); /* nothing was added */

  /* One tag for several entries; one object in several entries and sets. */
  ipc_waitset_t *other;
  CHECK_EQUAL(ipc_waitset_open(&other, 0), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, &tag), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_ROOM, mq, &tag), 0);
  CHECK_EQUAL(ipc_waitset_add(other, IPC_WAIT_MESSAGE, mq, NULL), 0);
  ipc_ready_t two[2];
  CHECK_EQUAL(ipc_waitset_wait(set, two, 2, 0), 1);
  CHECK_EQUAL(two[0].what, IPC_WAIT_ROOM);
  send_text(mq, "x", 0);
  CHECK_EQUAL(ipc_waitset_wait(set, two, 2, 0), 2);
  CHECK_EQUAL(ipc_waitset_wait(other, two, 2, 0), 1);
  CHECK(two[0].tag == NULL);
  /* A set in a set. */
  CHECK_EQUAL(ipc_waitset_add_fd(set, ipc_waitset_fd(other), POLLIN, other), 0);
  CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);
  CHECK_EQUAL(ipc_waitset_wait(set, two, 2, 0), 1);
  CHECK(two[0].tag == other);
  CHECK_EQUAL(ipc_waitset_remove(set, other), 0);
  CHECK_EQUAL(ipc_waitset_close(other), 0);

  /* A periodic timer, and a deadline as the first expiry. */
  CHECK_EQUAL(ipc_waitset_add_timer(set, ipc_deadline(MILLISECOND), MILLISECOND, &tag), 0);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, PATIENCE), 1);
  CHECK_EQUAL(ready.what, IPC_WAIT_TIMER);
  CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);

  /* A descriptor whose other end is closed is ready. */
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(ipc_waitset_add_fd(set, ends[0], POLLIN, &tag), 0);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
  close(ends[1]);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), 1);
  CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);
  close(ends[0]);

  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  pid_t self = getpid(), killer = fork();
  if (killer == 0) {
    wait_until_inside(self, SYS_ppoll);
    _exit(kill(self, SIGALRM) != 0);
  }
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, PATIENCE), -EINTR);
  FINISH(killer);
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  CHECK_EQUAL(ipc_waitset_close(NULL), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
