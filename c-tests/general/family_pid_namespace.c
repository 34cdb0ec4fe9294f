/* In another PID namespace thread ids mean other threads: objects that store them are refused there. */
#include "holding.h"
#include "namespace.h"

static struct {
  ipc_once_t fresh, done;
  ipc_event_t event;
} *shared;

static void nothing(void *context) { (void)context; }

static void inside(void *unused) {
  (void)unused;
  unsigned number;
  CHECK_FAILS(ipc_mutex_lock(&everything->mutex, 0), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_rwlock_read_lock(&everything->read, 0), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_rwlock_write_lock(&everything->written, 0), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_rwlock_unlock(&everything->read), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_permits_take(&everything->permits, &number, 0), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_barrier_wait(&everything->barrier, 0), -EPROTO, "PID namespace");
  /* Objects without owners work in any namespace, and a once that is done stays done. */
  CHECK_EQUAL(ipc_event_wait(&shared->event, 0), 0);
  CHECK_EQUAL(ipc_once(&shared->done, nothing, NULL, 0), 0);
  CHECK_EQUAL(ipc_once(&shared->fresh, nothing, NULL, 0), IPC_ONCE_RAN);
}

int main(void) {
  make_everything();
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_event_init(&shared->event, IPC_EVENT_SET), 0);
  CHECK_EQUAL(ipc_once(&shared->done, nothing, NULL, 0), IPC_ONCE_RAN);
  if (enter_namespaces(CLONE_NEWPID) != 0) SKIP("making a PID namespace is not permitted here");
  FINISH(start(inside, NULL));
  CHECK_EQUAL(ipc_once(&shared->fresh, nothing, NULL, 0), 0);
  return 0;
}
