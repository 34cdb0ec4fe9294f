/* Waiting for a FIFO's other side ends with -EINTR when a signal handler runs. */
#include "streams.h"

static void on_alarm(int number) { (void)number; }

int main(void) {
  int before = open_descriptors();
  const char *path = test_path("fifo");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  struct sigaction action = {.sa_handler = on_alarm};
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  struct itimerval each = {.it_interval = {.tv_usec = 5000}, .it_value = {.tv_usec = 5000}};
  CHECK_EQUAL(setitimer(ITIMER_REAL, &each, NULL), 0);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, IPC_FOREVER), -EINTR);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, IPC_FOREVER), -EINTR);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, PATIENCE), -EINTR);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, PATIENCE), -EINTR);
  memset(&each, 0, sizeof each);
  CHECK_EQUAL(setitimer(ITIMER_REAL, &each, NULL), 0);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
