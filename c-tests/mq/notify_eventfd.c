/* One eventfd notifies of two queues, in two processes at once. A program that receives until -EAGAIN after each
 * notification gets every message. */
#include "mq.h"
#include <poll.h>
#include <sys/eventfd.h>

#define MESSAGES 2000

static const char *names[2];

static void send_all(void *unused) {
  (void)unused;
  ipc_mq_t *queues[2] = { join_mq(names[0], IPC_WRITE_ONLY), join_mq(names[1], IPC_WRITE_ONLY) };
  for (int i = 0; i < MESSAGES; i++)
    CHECK_EQUAL(ipc_mq_send(queues[i % 2], &i, sizeof i, 0, PATIENCE), 0);
}

int main(void) {
  names[0] = mq_name("eventfd-a");
  names[1] = mq_name("eventfd-b");
  ipc_mq_t *queues[2] = { make_mq(names[0], 3, 0), make_mq(names[1], 3, 0) };
  int eventfd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(eventfd_ >= 0);
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = eventfd_ };
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mq_notify(queues[i], &how), 0);

  /* A second handle of the same queue, as another process would have it. */
  int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(other >= 0);
  ipc_mq_t *same = join_mq(names[0], 0);
  ipc_mq_notify_t how_other = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = other };
  CHECK_EQUAL(ipc_mq_notify(same, &how_other), 0);

  pid_t child = start(send_all, NULL);
  for (int received = 0; received < MESSAGES;) {
    struct pollfd entry = { .fd = eventfd_, .events = POLLIN };
    CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
    uint64_t count = 0;
    CHECK_EQUAL(read(eventfd_, &count, sizeof count), sizeof count);
    CHECK(count >= 1);
    for (int i = 0; i < 2; i++) {
      int buffer[SIZE / sizeof(int)];
      while (ipc_mq_receive(queues[i], buffer, sizeof buffer, NULL, 0) == sizeof(int)) received++;
      CHECK(strstr(ipc_last_error(), "-EAGAIN") != NULL);
    }
  }
  FINISH(child);
  struct pollfd entry = { .fd = other, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);

  /* Closing a handle ends its notification. The eventfds still belong to the caller. */
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mq_close(queues[i]), 0);
  CHECK_EQUAL(ipc_mq_close(same), 0);
  CHECK_EQUAL(count_threads(), 1);
  CHECK_EQUAL(close(eventfd_), 0);
  CHECK_EQUAL(close(other), 0);
  return 0;
}
