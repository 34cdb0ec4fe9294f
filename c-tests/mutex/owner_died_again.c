/* If an owner dies before it has declared the data consistent, the next owner has to do so, however often that
 * happens, also if the next owner waits already. */
#include "test.h"

typedef struct {
  ipc_mutex_t mutex;
  int expected;
} Shared;

static void victim(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), shared->expected);
  raise(SIGKILL);
}

static void stopping_victim(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), IPC_OWNER_DIED);
  raise(SIGSTOP);
}

static void repairer(void *argument) {
  Shared *shared = argument;
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  CHECK_FAILS(ipc_mutex_consistent(&shared->mutex), -EINVAL, "is consistent");
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void check(int flags) {
  Shared *shared = shared_memory(sizeof *shared);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, &attr), 0);
  for (int i = 0; i < 5; i++) {
    int status = wait_for(start(victim, shared));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    shared->expected = IPC_OWNER_DIED;
  }
  pid_t stopped = start(stopping_victim, shared);
  int status;
  CHECK_EQUAL(waitpid(stopped, &status, WUNTRACED), stopped);
  CHECK(WIFSTOPPED(status));
  pid_t waiting = start(repairer, shared);
  wait_until_inside(waiting, SYS_futex);
  KILL(stopped);
  FINISH(waiting);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
