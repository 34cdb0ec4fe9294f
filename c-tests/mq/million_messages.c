/* A queue holds a million messages at once, and returns them in order, with one priority and with many. A repair of
 * that queue succeeds. */
#include "queue.h"

static size_t messages = 1000000;
static const char *name;

static void die(void) { raise(SIGKILL); }

static void sender(void *unused) {
  (void)unused;
  ipc_mq_send(join_queue(name, 0), set_trap(die), 4, 0, IPC_FOREVER);
}

/* Priorities from 0 to `levels` - 1, in turn. */
static void fill_and_drain(ipc_mq_t *mq, uint32_t levels, int with_repair) {
  for (uint32_t i = 0; i < messages; i++) CHECK_EQUAL(ipc_mq_send(mq, &i, sizeof i, i % levels, 0), 0);
  if (with_repair) {
    uint32_t first;
    unsigned priority;
    CHECK_EQUAL(ipc_mq_receive(mq, &first, sizeof first, &priority, 0), 4);
    CHECK_EQUAL(ipc_mq_send(mq, &first, sizeof first, IPC_MQ_PRIORITY_MAX, 0), 0);
    CHECK_EQUAL(ipc_mq_receive(mq, &first, sizeof first, NULL, 0), 4);
    wait_for(start(sender, NULL));
    CHECK_EQUAL(ipc_mq_send(mq, &first, sizeof first, IPC_MQ_PRIORITY_MAX, 0), 0);
    CHECK_EQUAL(stat_of(mq).repairs, 1);
  } else {
    uint32_t more = 0;
    CHECK_EQUAL(ipc_mq_send(mq, &more, sizeof more, 0, 0), -EAGAIN);
  }
  CHECK_EQUAL(count_of(mq), messages);
  uint32_t found;
  unsigned priority;
  for (uint32_t level = levels; level-- > 0;) {
    for (uint32_t expected = level; expected < messages; expected += levels) {
      CHECK_EQUAL(ipc_mq_receive(mq, &found, sizeof found, &priority, 0), 4);
      if (found != expected) test_failed(__FILE__, __LINE__, "expected %u, found %u", expected, found);
      CHECK_EQUAL(priority, with_repair && expected == levels - 1 ? IPC_MQ_PRIORITY_MAX : level);
    }
  }
  CHECK_EQUAL(ipc_mq_receive(mq, &found, sizeof found, NULL, 0), -EAGAIN);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it takes minutes there");
  name = unique_name("million");
  ipc_mq_attr_t attr = { .max_messages = messages, .message_size = 4 };
  ipc_mq_t *mq;
  int opened = ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600);
  if (opened == -ENOSPC || opened == -ENOMEM) SKIP("/dev/shm is too small");
  CHECK_EQUAL(opened, IPC_CREATED);
  fill_and_drain(mq, 1, 0);
  fill_and_drain(mq, 1000, 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
