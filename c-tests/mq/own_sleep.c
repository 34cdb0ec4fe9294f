/* A waiter that sleeps by its own means, as the drop-in for <mqueue.h> does, keeps its wake-up until it has used it. If it
 * dies or gives up, another waiter is woken. */
#include "../../src/ffi/private.h"
#include "queue.h"

#include <linux/futex.h>

static const char *name;

/* Sleeps once, by FUTEX_WAIT. */
static ipc_mq_wait_t sleep_once(ipc_mq_t *mq, int direction) {
  ipc_mq_wait_t wait;
  CHECK_EQUAL(ipc_mq_wait_begin(mq, direction, &wait), 0);
  CHECK_EQUAL(wait.direction, direction);
  while (syscall(SYS_futex, wait.word, FUTEX_WAIT, wait.expected, NULL) != 0 && errno != EAGAIN) continue;
  return wait;
}

static void stop_when_woken(void *direction) {
  sleep_once(join_queue(name, 0), *(int *)direction);
  stop_here();
}

static void give_up_when_woken(void *direction) {
  ipc_mq_t *mq = join_queue(name, 0);
  ipc_mq_wait_t wait = sleep_once(mq, *(int *)direction);
  CHECK_EQUAL(ipc_mq_wait_end(mq, &wait), 0);
}

static void try_when_woken(void *direction) {
  ipc_mq_t *mq = join_queue(name, 0);
  for (;;) {
    char byte;
    ipc_mq_wait_t wait = sleep_once(mq, *(int *)direction);
    ssize_t result = *(int *)direction == IPC_READ_ONLY ? ipc_mq_receive_waited(mq, &byte, 1, NULL, &wait, 0)
                                                        : ipc_mq_send_waited(mq, "y", 1, 0, &wait, 0);
    if (result >= 0) return;
    CHECK_EQUAL(result, -EAGAIN);
  }
}

static void transfer(void *direction) {
  ipc_mq_t *mq = join_queue(name, 0);
  char byte;
  if (*(int *)direction == IPC_READ_ONLY) CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, IPC_FOREVER), 1);
  else CHECK_EQUAL(ipc_mq_send(mq, "y", 1, 0, IPC_FOREVER), 0);
}

/* Two children wait, the first by its own means. One wake-up is made, which is the first one's. */
static void run(ipc_mq_t *mq, int direction, void (*first_body)(void *)) {
  char byte;
  pid_t first = start(first_body, &direction);
  wait_until_on_futex(first);
  pid_t second = first_body == try_when_woken ? 0 : start(transfer, &direction);
  if (second != 0) wait_until_on_futex(second);
  if (direction == IPC_READ_ONLY) send_text(mq, "x", 0);
  else CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), 1);
  if (first_body == stop_when_woken) {
    wait_until_stopped(first);
    KILL(first);
  } else {
    FINISH(first);
  }
  if (second != 0) FINISH(second);
}

static void check_errors(ipc_mq_t *mq) {
  ipc_mq_wait_t wait;
  char byte;
  CHECK_EQUAL(ipc_mq_wait_begin(NULL, IPC_READ_ONLY, &wait), -EINVAL);
  CHECK_EQUAL(ipc_mq_wait_begin(mq, IPC_READ_ONLY, NULL), -EINVAL);
  CHECK_EQUAL(ipc_mq_wait_begin(mq, IPC_CREATE, &wait), -EINVAL);
  CHECK_EQUAL(ipc_mq_wait_begin(mq, IPC_READ_ONLY, &wait), 0);
  CHECK_EQUAL(ipc_mq_receive_waited(mq, &byte, 1, NULL, NULL, 1), -EINVAL);
  CHECK_EQUAL(ipc_mq_receive_waited(mq, NULL, 1, NULL, &wait, 1), -EINVAL);
  CHECK_EQUAL(ipc_mq_wait_begin(mq, IPC_READ_ONLY, &wait), 0);
  CHECK_EQUAL(ipc_mq_receive_waited(mq, &byte, 1, NULL, &wait, 1), -EAGAIN);
  CHECK_EQUAL(ipc_mq_wait_begin(mq, IPC_READ_ONLY, &wait), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_receive_waited(mq, &byte, 1, NULL, &wait, 1), -EBADF);
}

int main(void) {
  name = unique_name("own-sleep");
  ipc_mq_t *mq = make_queue(name, 1, 1);
  void (*const bodies[])(void *) = { stop_when_woken, give_up_when_woken, try_when_woken };
  for (int round = 0; round < 20; round++)
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
      run(mq, IPC_READ_ONLY, bodies[i]);
      CHECK_EQUAL(count_of(mq), 0);
      send_text(mq, "x", 0);
      run(mq, IPC_WRITE_ONLY, bodies[i]);
      CHECK_EQUAL(count_of(mq), 1);
      expect_text(mq, "y", 0);
    }
  check_errors(mq);
  return 0;
}
