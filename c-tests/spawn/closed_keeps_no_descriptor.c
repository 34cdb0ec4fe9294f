/* A handle that is closed while its child runs keeps no descriptor (from Linux 6.9 on), and the child is reaped later. */
#include "test.h"

#include <sys/utsname.h>

int main(void) {
  SKIP_UNDER_VALGRIND("it knows no pidfd_open");
  struct utsname kernel;
  int major = 0, minor = 0;
  CHECK(uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2);
  if (major < 6 || (major == 6 && minor < 9)) SKIP("process descriptors cannot be told apart before Linux 6.9");
  const char *const argv[] = { "/bin/sleep", "1000", NULL };
  pid_t ids[20];
  ipc_child_t *child;
  int before = open_descriptors();
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(ipc_spawn(&child, argv, 0), 0);
    ids[i] = ipc_child_pid(child);
    CHECK_EQUAL(ipc_child_close(child), 0);
  }
  CHECK_EQUAL(open_descriptors(), before);
  for (int i = 0; i < 20; i++) {
    siginfo_t info;
    CHECK(kill(ids[i], SIGKILL) == 0 && waitid(P_PID, (id_t)ids[i], &info, WEXITED | WNOWAIT) == 0);
  }
  /* The next start reaps the children that have ended. */
  const char *const quick[] = { "/bin/true", NULL };
  CHECK_EQUAL(ipc_spawn(&child, quick, 0), 0);
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  for (int i = 0; i < 20; i++) CHECK(kill(ids[i], 0) == -1 && errno == ESRCH);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
