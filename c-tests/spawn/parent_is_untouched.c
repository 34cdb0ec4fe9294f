/* Starting a program changes nothing that a library in this process remembers of it: functions that stand in the place of libc's
 * (as the JVM's libjsig and sanitizers have them) are not called in the child, which shares this process's memory. */
#include "test.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

static atomic_int called_in_child;
static pid_t parent;

static void note(void) {
  if (syscall(SYS_getpid) != parent) called_in_child = 1;
}

/* These take the place of libc's for the library too. */
int sigaction(int number, const struct sigaction *new, struct sigaction *old) {
  (void)number, (void)new, (void)old;
  note();
  return 0;
}
int sigprocmask(int how, const sigset_t *set, sigset_t *old) {
  note();
  return (int)syscall(SYS_rt_sigprocmask, how, set, old, 8);
}
int dup2(int from, int to) {
  note();
  return (int)syscall(SYS_dup3, from, to, 0);
}
int chdir(const char *path) {
  note();
  return (int)syscall(SYS_chdir, path);
}

int main(void) {
  parent = getpid();
  ipc_spawn_attr_t attr = { .output = { .kind = IPC_STREAM_PIPE }, .directory = "/" };
  const char *const argv[] = { "/bin/pwd", NULL };
  ipc_child_t *child;
  ipc_child_exit_t how;
  char text[16] = "";
  errno = 77;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), 0);
  CHECK_EQUAL(errno, 77);
  CHECK_EQUAL(ipc_child_communicate(child, &(ipc_exchange_t){ .output = text, .output_capacity = sizeof text }, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK(strcmp(text, "/\n") == 0);
  CHECK(!called_in_child);
  return 0;
}
