/* A child that is forked into a new PID namespace has its parent's handles, but its thread id means another thread in the queue.
 * Each call that uses ids is refused there, as the calls on locks are, and nothing of the queue changes. The child can close the
 * handle. */
#include "namespace.h"

static ipc_mq_t *mq;
static ipc_mutex_t *mutex;
static void *reserved;
static const void *borrowed;

#define REFUSED(call) CHECK_FAILS(call, -EPROTO, "PID namespace")

static void in_new_namespace(void *unused) {
  (void)unused;
  char text[64];
  void *place;
  const void *found;
  ipc_mq_message_t message = { .data = text, .len = sizeof text };
  ipc_mq_stat_t stat;
  ipc_mq_attr_t attr;
  REFUSED(ipc_mutex_lock(mutex, 0));
  REFUSED(ipc_mq_send(mq, "text", 4, 0, 0));
  REFUSED(ipc_mq_send(mq, "text", 4, 0, SECOND));
  REFUSED(ipc_mq_receive(mq, text, sizeof text, NULL, 0));
  REFUSED(ipc_mq_receive(mq, text, sizeof text, NULL, SECOND));
  REFUSED(ipc_mq_send_many(mq, &(ipc_mq_message_t){ .data = text, .len = 1 }, 1, 0));
  REFUSED(ipc_mq_receive_many(mq, &message, 1, 0));
  REFUSED(ipc_mq_peek_priority(mq, &(unsigned){ 0 }));
  REFUSED(ipc_mq_reserve(mq, &place, 0));
  REFUSED(ipc_mq_borrow(mq, &found, NULL, NULL, 0));
  REFUSED(ipc_mq_commit(mq, reserved, 1, 0));
  REFUSED(ipc_mq_abandon(mq, reserved));
  REFUSED(ipc_mq_return(mq, borrowed));
  REFUSED(ipc_mq_fd(mq));
  REFUSED(ipc_mq_stat(mq, &stat));
  CHECK_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  CHECK_EQUAL(ipc_mq_stale(mq), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

/* In a process whose children get a PID namespace of their own. */
static void parent(void *name) {
  char text[64];
  unsigned redeliveries;
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = sizeof text };
  if (enter_namespaces(CLONE_NEWPID) != 0) _exit(77);
  mutex = shared_memory(sizeof *mutex);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(mq, "first", 6, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "second", 7, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, NULL, 0), 6);
  CHECK_EQUAL(ipc_mq_reserve(mq, &reserved, 0), 0);
  FINISH(start(in_new_namespace, NULL));
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  CHECK_EQUAL(ipc_mq_abandon(mq, reserved), 0);
  CHECK_EQUAL(ipc_mq_borrow(mq, &borrowed, NULL, &redeliveries, 0), 7);
  CHECK_EQUAL(redeliveries, 0);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

int main(void) {
  int status = wait_for(start(parent, (void *)(uintptr_t)unique_name("inherited")));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("PID namespaces are not permitted");
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return 0;
}
