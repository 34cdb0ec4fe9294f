/* A queue's descriptor leaves nothing behind: there is no file for it. It goes on when the queue has lost its name, and a
 * handle can get its first descriptor then. */
#include "lanes.h"
#include "namespace.h"
#include "queue.h"

/* How many files are in /dev/shm. */
static int files(void) {
  DIR *directory = opendir("/dev/shm");
  CHECK(directory != NULL);
  int count = -2; /* "." and ".." */
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  /* Other tests make files at the same time. */
  mount_own_dev_shm("1m");

  ipc_mq_t *mq = make_queue("/queue", 1, 16), *other = join_queue("/queue", 0), *late = join_queue("/queue", 0);
  CHECK_EQUAL(files(), 1);
  int descriptor = ipc_mq_fd(mq);
  CHECK(descriptor >= 0);
  CHECK(ipc_mq_fd(other) >= 0);
  CHECK_EQUAL(files(), 1);
  CHECK_EQUAL(ipc_mq_unlink("/queue", 0), 0);
  CHECK_EQUAL(files(), 0);
  CHECK_EQUAL(ipc_mq_fd(mq), descriptor);
  CHECK(ipc_mq_fd(late) >= 0);
  CHECK_EQUAL(reported(descriptor), POLLOUT);
  send_text(other, "x", 0);
  await_events(descriptor, POLLIN);
  await_events(ipc_mq_fd(late), POLLIN);
  expect_text(other, "x", 0);
  CHECK_EQUAL(reported(ipc_mq_fd(other)), POLLOUT);
  CHECK_EQUAL(reported(ipc_mq_fd(mq)), POLLOUT);
  CHECK_EQUAL(files(), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_close(late), 0);
  return 0;
}
