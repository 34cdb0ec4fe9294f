/* A mutex of another PID namespace is refused, because thread ids mean other threads there: the lock could be granted
 * twice, or its owner's death missed. */
#include "namespace.h"

static void other_namespace(void *argument) {
  ipc_mutex_t *mutex = argument;
  CHECK_FAILS(ipc_mutex_lock(mutex, 0), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_mutex_lock(mutex, IPC_FOREVER), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_mutex_unlock(mutex), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_mutex_consistent(mutex), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_mutex_destroy(mutex), -EPROTO, "PID namespace");
  /* A mutex created in this namespace works here. */
  ipc_mutex_t *own = shared_memory(sizeof *own);
  CHECK_EQUAL(ipc_mutex_init(own, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(own, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(own), 0);
}

static void parent_of_it(void *mutex) {
  if (enter_namespaces(CLONE_NEWPID) != 0) _exit(77);
  FINISH(start(other_namespace, mutex));
  /* unshare moves only the children. */
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), -EAGAIN);
}

int main(void) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  pid_t child = start(parent_of_it, mutex);
  int status = wait_for(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("PID namespaces are not permitted");
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  return 0;
}
