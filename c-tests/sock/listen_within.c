/* ipc_sock_listen_within() waits for a name that is in use until it is free, at most for its timeout. */
#include "sock.h"

static const char *path;

static void holds(void *argument) {
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(write(*(int *)argument, "x", 1), 1);
  for (;;) pause();
}

static pid_t start_holder(void) {
  int ends[2];
  char byte;
  CHECK_EQUAL(pipe(ends), 0);
  pid_t holder = start(holds, &ends[1]);
  CHECK_EQUAL(read(ends[0], &byte, 1), 1);
  close(ends[0]);
  close(ends[1]);
  return holder;
}

static void waits(void *unused) {
  (void)unused;
  int listener = ipc_sock_listen_within(path, IPC_SOCK_STREAM, 0, 0640, PATIENCE);
  CHECK(listener >= 0);
}

static void on_signal(int number) { (void)number; }

static void is_interrupted(void *unused) {
  (void)unused;
  struct sigaction action = {.sa_handler = on_signal};
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  CHECK_EQUAL(ipc_sock_listen_within(path, IPC_SOCK_STREAM, 0, 0600, IPC_FOREVER), -EINTR);
}

static void use_name(const char *name) {
  path = name;
  pid_t holder = start_holder();
  CHECK_FAILS(ipc_sock_listen_within(path, IPC_SOCK_STREAM, 0, 0600, 0), -EADDRINUSE, path);
  int64_t begin = now_ns();
  CHECK_EQUAL(ipc_sock_listen_within(path, IPC_SOCK_STREAM, 0, 0600, 300 * MILLISECOND), -EADDRINUSE);
  CHECK(now_ns() - begin >= 300 * MILLISECOND);
  CHECK_EQUAL(ipc_sock_listen_within(path, IPC_SOCK_STREAM, 0, 0600, ipc_deadline(MILLISECOND)), -EADDRINUSE);
  pid_t child = start(is_interrupted, NULL);
  wait_until_asleep(child);
  while (waitpid(child, NULL, WNOHANG) == 0) {
    kill(child, SIGUSR1);
    sched_yield();
  }
  pid_t waiter = start(waits, NULL);
  wait_until_asleep(waiter);
  KILL(holder);
  FINISH(waiter);
  int listener = ipc_sock_listen_within(path, IPC_SOCK_STREAM, 0, 0600, 0); /* of a dead one, at once */
  CHECK(listener >= 0);
  close(listener);
  if (path[0] != '@') CHECK_EQUAL(ipc_sock_unlink(path), 0);
}

int main(void) {
  use_name(unique_path("listen"));
  static char name[80];
  snprintf(name, sizeof name, "@ripc-test-%d-listen", (int)getpid());
  use_name(name);
  CHECK_EQUAL(ipc_sock_listen_within(NULL, IPC_SOCK_STREAM, 0, 0600, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen_within(name, 99, 0, 0600, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen_within(name, IPC_SOCK_STREAM, 0x4000, 0600, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen_within(name, IPC_SOCK_STREAM, 0, 01000, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_listen_within(name, IPC_SOCK_STREAM, 0, 0600, -2), -EINVAL);
  return 0;
}
