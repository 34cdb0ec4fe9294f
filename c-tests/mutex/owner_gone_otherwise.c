/* An owner's death is noticed however it goes: the thread returns, the process ends with exit, calls exec, or a
 * thread of a living process ends. */
#include "test.h"
#include <pthread.h>

static void exits(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  _exit(0);
}

static void calls_exec(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  execl("/bin/cat", "cat", (char *)NULL);
  _exit(1);
}

static void *ends(void *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  return NULL;
}

static void repair(ipc_mutex_t *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void check(int flags) {
  ipc_mutex_t *mutex = shared_memory(sizeof *mutex);
  ipc_mutex_attr_t attr = { .flags = flags };
  CHECK_EQUAL(ipc_mutex_init(mutex, &attr), 0);

  FINISH(start(exits, mutex));
  repair(mutex);

  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, ends, mutex), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  repair(mutex);

  /* The new program waits for its standard input, so the process lives on. */
  int input[2], before = dup(0);
  CHECK_EQUAL(pipe(input), 0);
  CHECK_EQUAL(dup2(input[0], 0), 0);
  pid_t child = start(calls_exec, mutex);
  wait_until_inside(child, SYS_read);
  repair(mutex);
  KILL(child);
  CHECK_EQUAL(dup2(before, 0), 0);
  close(before);
  close(input[0]);
  close(input[1]);
}

int main(void) {
  check(0);
  check(IPC_MUTEX_RECURSIVE);
  check(IPC_MUTEX_PRIORITY_INHERIT);
  return 0;
}
