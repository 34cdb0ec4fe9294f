/* Opening a queue of another PID namespace is refused, because thread ids mean other threads there. A queue created in
 * that namespace works there. */
#include "namespace.h"
#include "queue.h"

static const char *name, *own_name;

static void other_namespace(void *unused) {
  (void)unused;
  ipc_mq_t *mq = NULL;
  CHECK_FAILS(ipc_mq_open(&mq, name, NULL, 0, 0), -EPROTO, "PID namespace");
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE, 0600), -EPROTO);
  CHECK(mq == NULL);
  mq = make_queue(own_name, 2, 8);
  send_text(mq, "own", 0);
  expect_text(mq, "own", 0);
  expect_all_room(mq, 2);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

static void parent_of_it(void *unused) {
  (void)unused;
  if (enter_namespaces(CLONE_NEWPID) != 0) _exit(77);
  FINISH(start(other_namespace, NULL));
}

int main(void) {
  name = unique_name("here");
  own_name = unique_name("there");
  ipc_mq_t *mq = make_queue(name, 2, 8);
  int status = wait_for(start(parent_of_it, NULL));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("PID namespaces are not permitted");
  CHECK_EQUAL(status, 0);
  expect_all_room(mq, 2);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
