/* Endpoints of another user: the permissions keep other users out, and another user can neither take over nor remove an
 * endpoint. */
#include "sock.h"

static char directory[64], path[108], dead[108];

static void clean(void) {
  unlink(path);
  unlink(dead);
  rmdir(directory);
}

static void stranger(void *unused) {
  (void)unused;
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0), -EACCES);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_WAIT, PATIENCE), -EACCES);
  /* This user cannot find out whether the server lives, so it counts as living. */
  CHECK_FAILS(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EACCES, "no permission to ask");
  CHECK_EQUAL(ipc_sock_unlink(path), -EPERM);
  /* The server is dead, and the sticky directory lets only the file's owner remove the file. */
  CHECK_FAILS(ipc_sock_listen(dead, IPC_SOCK_STREAM, 0, 0600), -EPERM, "cannot be removed");
  CHECK_EQUAL(ipc_sock_unlink(dead), -EPERM);
}

/* If nothing has to be replaced, permission to read the directory is not needed. */
static void unreadable(void *unused) {
  (void)unused;
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  char own[108];
  snprintf(own, sizeof own, "%.90s/own", directory);
  int listener = ipc_sock_listen(own, IPC_SOCK_STREAM, 0, 0600);
  CHECK(listener >= 0);
  CHECK_EQUAL(ipc_sock_listen(own, IPC_SOCK_STREAM, 0, 0600), -EADDRINUSE);
  close(listener);
  CHECK_FAILS(
    ipc_sock_listen(own, IPC_SOCK_STREAM, 0, 0600), -EACCES, "its directory cannot be opened");
  CHECK_EQUAL(ipc_sock_unlink(own), 0);
}

int main(void) {
  if (geteuid() != 0) SKIP("needs root, to become another user");
  snprintf(directory, sizeof directory, "/tmp/ripc-test-%d-users", (int)getpid());
  snprintf(path, sizeof path, "%s/living", directory);
  snprintf(dead, sizeof dead, "%s/dead", directory);
  CHECK(mkdir(directory, 0700) == 0 && chmod(directory, 01777) == 0);
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  int other = ipc_sock_listen(dead, IPC_SOCK_STREAM, 0, 0666);
  CHECK(listener >= 0 && other >= 0);
  close(other);
  pid_t child = start(stranger, NULL);
  int status = wait_for(child);
  CHECK(chmod(directory, 01733) == 0);
  child = start(unreadable, NULL);
  int status_of_second = wait_for(child);
  check_reachable(path, listener, IPC_SOCK_STREAM);
  clean();
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(status_of_second, 0);
  return 0;
}
