/* ipc_mq_getattr() and ipc_mq_stat() tell at once of what dead holders had: a reserved place is counted as abandoned, a
 * borrowed message is in the queue again. */
#include "asleep.h"

static ipc_mq_t *queue;

static void reserve_and_die(void *argument) {
  (void)argument;
  void *place;
  CHECK_EQUAL(ipc_mq_reserve(queue, &place, 0), 0);
  raise(SIGKILL);
}

static void borrow_and_die(void *argument) {
  (void)argument;
  const void *message;
  CHECK_EQUAL(ipc_mq_borrow(queue, &message, NULL, NULL, 0), 1);
  raise(SIGKILL);
}

int main(void) {
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 16 };
  CHECK_EQUAL(ipc_mq_open(&queue, unique_name("show"), &attr, IPC_CREATE, 0600), IPC_CREATED);
  ipc_mq_stat_t stat;
  wait_for(start(reserve_and_die, NULL));
  CHECK_EQUAL(ipc_mq_stat(queue, &stat), 0);
  CHECK_EQUAL(stat.abandoned, 1);
  for (int round = 1; round < 3; round++) {
    if (round == 1) CHECK_EQUAL(ipc_mq_send(queue, "m", 1, 0, 0), 0);
    wait_for(start(borrow_and_die, NULL));
    ipc_mq_attr_t found;
    CHECK_EQUAL(ipc_mq_getattr(queue, &found), 0);
    CHECK_EQUAL(found.current_messages, 1);
    CHECK_EQUAL(ipc_mq_stat(queue, &stat), 0);
    CHECK_EQUAL(stat.redelivered, round);
  }
  CHECK_EQUAL(stat.abandoned, 1);
  CHECK_EQUAL(ipc_mq_close(queue), 0);
  return 0;
}
