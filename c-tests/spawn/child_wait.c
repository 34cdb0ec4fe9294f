/* A wait for a child ends at its deadline and after a signal handler. Every thread that asks learns how the child
 * ended. If the library cannot know how, the error says why. */
#include "storm.h"
#include "streams.h"

static void *waiter(void *child) {
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK(how.code == -1 && how.signal == SIGKILL);
  return NULL;
}

static void not_the_parent(void *child) {
  CHECK_FAILS(ipc_child_wait(child, NULL, IPC_FOREVER), -ECHILD, "only the process that started it");
  CHECK_EQUAL(ipc_child_kill(child, 0), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it has no pidfd_send_signal");
  SKIP_UNDER_THREAD_SANITIZER("it calls the handler after the interrupted call, for which the sender waits");
  int before = open_descriptors();
  const char *const forever[] = {"sleep", "1000", NULL};
  ipc_child_t *child;
  ipc_child_exit_t how = {.code = -5, .signal = -5};
  CHECK_EQUAL(ipc_spawn(&child, forever, 0), 0);
  CHECK_FAILS(ipc_child_wait(child, &how, 0), -EAGAIN, "still running");
  CHECK_FAILS(ipc_child_wait(child, &how, 10 * MILLISECOND), -ETIMEDOUT, "still running");
  CHECK(how.code == -5 && how.signal == -5);

  pid_t storm;
  enter_storm(start_storm(&storm, 1), SA_RESTART);
  CHECK_EQUAL(ipc_child_wait(child, &how, IPC_FOREVER), -EINTR);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), -EINTR);
  leave_storm();
  FINISH(storm);

  /* A forked child of this process cannot wait for the program, because the program is not its child. */
  FINISH(start(not_the_parent, child));
  CHECK_EQUAL(ipc_child_wait(child, &how, 0), -EAGAIN);

  /* A stopped child has not ended. */
  CHECK_EQUAL(ipc_child_kill(child, SIGSTOP), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, 10 * MILLISECOND), -ETIMEDOUT);

  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK_EQUAL(pthread_create(&threads[i], NULL, waiter, child), 0);
  CHECK_FAILS(ipc_child_kill(child, 9999), -EINVAL, "9999 is not a signal");
  CHECK_EQUAL(ipc_child_kill(child, SIGKILL), 0);
  for (int i = 0; i < 4; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  waiter(child);
  CHECK_FAILS(ipc_child_kill(child, SIGKILL), -ESRCH, "has ended");
  CHECK_EQUAL(ipc_child_close(child), 0);

  CHECK_EQUAL(ipc_child_wait(NULL, &how, 0), -EINVAL);
  CHECK_EQUAL(ipc_child_wait((ipc_child_t *)&how, &how, 0), -EBADF);
  CHECK_EQUAL(ipc_child_kill(NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_child_pid(NULL), -EINVAL);
  CHECK_EQUAL(ipc_child_fd(NULL), -EINVAL);

  /* A process that ignores SIGCHLD learns nothing of its children. */
  signal(SIGCHLD, SIG_IGN);
  const char *const quick[] = {"true", NULL};
  CHECK_EQUAL(ipc_spawn(&child, quick, 0), 0);
  CHECK_FAILS(ipc_child_wait(child, &how, PATIENCE), -ECHILD, "SIGCHLD");
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
