/* A queue's descriptor leaves nothing behind: unlinking the queue removes the FIFO. A queue that has lost its name gets
 * no new descriptor. A handle that has a descriptor keeps it, and it stays correct. */
#include "namespace.h"
#include "queue.h"
#include <poll.h>

/* How many hidden FIFOs of queues are in /dev/shm. */
static int fifos(void) {
  DIR *directory = opendir("/dev/shm");
  CHECK(directory != NULL);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    count += strncmp(entry->d_name, ".robustipc-mq-", 14) == 0;
  closedir(directory);
  return count;
}

static int ready(int descriptor) {
  struct pollfd set = { .fd = descriptor, .events = POLLIN | POLLOUT };
  CHECK(poll(&set, 1, 0) >= 0);
  return set.revents;
}

int main(void) {
  /* Other tests make FIFOs at the same time. */
  mount_own_dev_shm("1m");

  ipc_mq_t *mq = make_queue("/queue", 1, 16), *other = join_queue("/queue", 0), *late = join_queue("/queue", 0);
  CHECK_EQUAL(fifos(), 0);
  int descriptor = ipc_mq_fd(mq);
  CHECK(descriptor >= 0);
  CHECK(ipc_mq_fd(other) >= 0);
  CHECK_EQUAL(fifos(), 1);
  CHECK_EQUAL(ipc_mq_unlink("/queue", 0), 0);
  CHECK_EQUAL(fifos(), 0);
  CHECK_EQUAL(ipc_mq_fd(mq), descriptor);
  CHECK_EQUAL(fifos(), 0);
  CHECK_FAILS(ipc_mq_fd(late), -ESTALE, "lost its name");
  CHECK_EQUAL(fifos(), 0);
  CHECK_EQUAL(ready(descriptor), POLLOUT);
  send_text(other, "x", 0);
  CHECK_EQUAL(ready(descriptor), POLLIN);
  expect_text(other, "x", 0);
  CHECK_EQUAL(ready(descriptor), POLLOUT);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_close(late), 0);

  mq = make_queue("/queue", 1, 16);
  CHECK_EQUAL(ipc_mq_unlink("/queue", 0), 0);
  CHECK_EQUAL(ipc_mq_fd(mq), -ESTALE);
  CHECK_EQUAL(fifos(), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
