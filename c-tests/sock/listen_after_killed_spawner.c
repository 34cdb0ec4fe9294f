/* A server that was killed while it started a program leaves a process that has a copy of the listener until it executes
 * the program. A new server waits for that, for both kinds of names. A server that lives is not replaced. */
#include "sock.h"

static const char *path;

/* Stands for the process that has not executed its program yet. */
static void hold(void *unused) {
  (void)unused;
  pause();
}

static pid_t holder_of_dead_server(void) {
  pid_t *holder = mmap(NULL, sizeof *holder, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(holder != MAP_FAILED);
  fflush(NULL);
  pid_t server = fork();
  CHECK(server >= 0);
  if (server == 0) {
    CHECK(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600) >= 0);
    *holder = start(hold, NULL);
    raise(SIGKILL);
  }
  wait_for(server);
  return *holder;
}

static void listen_again(void *unused) {
  (void)unused;
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  if (listener < 0) test_failed(__FILE__, __LINE__, "%s", ipc_last_error());
}

int main(void) {
  char name[64];
  snprintf(name, sizeof name, "@ripc-test-%d", (int)getpid());
  const char *paths[] = { unique_path("dead"), name };
  for (int i = 0; i < 2; i++) {
    path = paths[i];
    pid_t holder = holder_of_dead_server();
    pid_t starter = start(listen_again, NULL);
    wait_until_inside(starter, SYS_ppoll);
    CHECK(kill(holder, SIGKILL) == 0);
    FINISH(starter);

    holder = holder_of_dead_server();
    CHECK_EQUAL(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EADDRINUSE);
    CHECK(kill(holder, SIGKILL) == 0);
    int listener;
    CHECK((listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600)) >= 0);
    close(listener);
  }
  CHECK_EQUAL(ipc_sock_unlink(paths[0]), 0);
  return 0;
}
