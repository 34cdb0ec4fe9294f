/* The text of a failed call is that call's own, also in a process that has had a waitset: clearing up what the call has
 * begun says nothing. */
#include "test.h"

#include <string.h>

int main(void) {
  ipc_waitset_t *set;
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  const char *name = unique_name("text");
  ipc_topic_attr_t attr = { .sample_size = 32, .capacity = 4 };
  ipc_topic_t *topic, *other;
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  attr.sample_size = 64;
  CHECK_EQUAL(ipc_topic_open(&other, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EPROTO);
  CHECK(strstr(ipc_last_error(), "expected sample_size 64") != NULL);
  CHECK(strstr(ipc_last_error(), "found sample_size 32") != NULL);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  return 0;
}
