/* A child that is forked into a new PID namespace has its parent's handles of a topic, but its thread id means another thread
 * there. Calls that use ids are refused, as the calls on locks are, and nothing of the topic changes. The child can close the
 * handles. */
#include "namespace.h"

static ipc_topic_t *publisher, *subscriber;

static void refused_or_right(long result) {
  if (result < 0 && result != -EPROTO) test_failed(__FILE__, __LINE__, "%ld: %s", result, ipc_last_error());
  if (result < 0) CHECK_LAST_ERROR("PID namespace");
}

static void in_new_namespace(void *name) {
  (void)name;
  char text[64];
  CHECK_FAILS(ipc_topic_send(publisher, "child", 6, 0), -EPROTO, "PID namespace");
  refused_or_right(ipc_topic_receive(subscriber, text, sizeof text, NULL, 0));
  CHECK_EQUAL(ipc_topic_close(publisher), 0);
  CHECK_EQUAL(ipc_topic_close(subscriber), 0);
}

static void parent(void *name) {
  char text[64];
  ipc_topic_attr_t attr = { .sample_size = sizeof text, .capacity = 4 };
  if (enter_namespaces(CLONE_NEWPID) != 0) _exit(77);
  CHECK_EQUAL(ipc_topic_open(&publisher, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&subscriber, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_send(publisher, "first", 6, 0), 0);
  FINISH(start(in_new_namespace, name));
  CHECK_EQUAL(ipc_topic_send(publisher, "second", 7, 0), 0);
  CHECK_EQUAL(ipc_topic_receive(subscriber, text, sizeof text, NULL, 0), 6);
  CHECK(strcmp(text, "first") == 0);
  CHECK_EQUAL(ipc_topic_receive(subscriber, text, sizeof text, NULL, 0), 7);
  CHECK_EQUAL(ipc_topic_close(subscriber), 0);
  CHECK_EQUAL(ipc_topic_close(publisher), 0);
}

int main(void) {
  const char *name = unique_name("topic");
  int status = wait_for(start(parent, (void *)(uintptr_t)name));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("PID namespaces are not permitted");
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  return 0;
}
