/* A server that replaces a dead socket is killed at any of its system calls. It leaves nothing that keeps the next
 * server from starting, and at no point are the permissions wider than requested. */
#include "sock.h"
#include <sys/ptrace.h>

static const char *path;

static void traced(void *unused) {
  (void)unused;
  umask(0);
  be_traced();
  raise(SIGSTOP);
  int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0620);
  _exit(listener >= 0 ? 0 : 1);
}

/* Kills the server at its stop number `last`. Returns whether it came so far. */
static bool killed_at(int last) {
  pid_t child = start(traced, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (WIFEXITED(status)) SKIP("ptrace is not permitted");
  /* The file is held open, so that no new file gets its inode number. */
  int held = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  CHECK(held >= 0);
  ino_t dead = inode_of(path);
  for (int stop = 0; stop < last; stop++) {
    CHECK(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      CHECK_EQUAL(WEXITSTATUS(status), 0);
      close(held);
      return false;
    }
    CHECK(WIFSTOPPED(status));
    struct stat found;
    if (lstat(path, &found) == 0 && found.st_ino != dead)
      CHECK_EQUAL(found.st_mode & 07777 & ~0620, 0);
  }
  KILL(child);
  close(held);
  return true;
}

int main(void) {
  path = unique_path("sock");
  int stops = 0;
  do {
    if (access(path, F_OK) < 0 || stops == 0) {
      unlink(path);
      leave_dead_socket(path);
    }
    stops++;
    bool was_killed = killed_at(stops);
    int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
    CHECK(listener >= 0);
    check_reachable(path, listener, IPC_SOCK_STREAM);
    close(listener);
    if (!was_killed) break;
  } while (true);
  /* At least socket, bind, probe, lock, unlink, bind, listen and chmod, with two stops each. */
  CHECK(stops > 16);
  return 0;
}
