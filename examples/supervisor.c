/* Starts two daemons, and starts each again when it dies. */
#include <poll.h>
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAEMONS = 2, RESTARTS = 3 };

static void check(int result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static ipc_child_t *run(void) {
  const char *const argv[] = { "sleep", "1000", NULL };
  ipc_child_t *child;
  check(ipc_spawn(&child, argv, 0));
  return child;
}

int main(void) {
  ipc_child_t *daemons[DAEMONS];
  for (int i = 0; i < DAEMONS; i++) daemons[i] = run();
  check(ipc_child_kill(daemons[0], SIGKILL)); /* in place of a crash */

  for (int restarts = 0; restarts < RESTARTS;) {
    struct pollfd ended[DAEMONS];
    for (int i = 0; i < DAEMONS; i++) ended[i] = (struct pollfd){ .fd = ipc_child_fd(daemons[i]), .events = POLLIN };
    if (poll(ended, DAEMONS, -1) < 0) continue;
    for (int i = 0; i < DAEMONS; i++) {
      if (ended[i].revents == 0) continue;
      ipc_child_exit_t how;
      check(ipc_child_wait(daemons[i], &how, IPC_FOREVER));
      printf("daemon %d ended with signal %d: starting it again\n", i, how.signal);
      check(ipc_child_close(daemons[i]));
      daemons[i] = run();
      restarts++;
      if (restarts < RESTARTS) check(ipc_child_kill(daemons[restarts % DAEMONS], SIGKILL));
    }
  }
  for (int i = 0; i < DAEMONS; i++) {
    check(ipc_child_kill(daemons[i], SIGKILL));
    check(ipc_child_wait(daemons[i], NULL, IPC_FOREVER));
    check(ipc_child_close(daemons[i]));
  }
}
