/* A key comes from a file, which must exist at the path. The path's faults are the call's errors, with the path in the text. */
#include "test.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/stat.h>

int main(void) {
  const char *base = getenv("TMPDIR");
  char path[200], below[220], loop[200];
  snprintf(path, sizeof path, "%.100s/ripc-test-%d-key", base ? base : "/tmp", (int)getpid());
  snprintf(below, sizeof below, "%s/below", path);
  snprintf(loop, sizeof loop, "%.100s/ripc-test-%d-loop", base ? base : "/tmp", (int)getpid());
  int key = 77;
  CHECK_FAILS(ipc_sysv_key(&key, path, 1), -ENOENT, path);
  int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file >= 0 && close(file) == 0);
  CHECK(symlink(loop, loop) == 0);
  CHECK_FAILS(ipc_sysv_key(&key, below, 1), -ENOTDIR, below);
  CHECK_FAILS(ipc_sysv_key(&key, loop, 1), -ELOOP, loop);
  static char longest[6000];
  memset(longest, 'n', sizeof longest - 1);
  longest[0] = '/';
  CHECK_EQUAL(ipc_sysv_key(&key, longest, 1), -ENAMETOOLONG);
  CHECK_EQUAL(ipc_sysv_key(&key, NULL, 1), -EINVAL);
  CHECK_EQUAL(ipc_sysv_key(NULL, path, 1), -EINVAL);
  CHECK_EQUAL(ipc_sysv_key(&key, path, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_key(&key, path, 256), -EINVAL);
  CHECK(key == 77); /* written on success only */
  CHECK_EQUAL(ipc_sysv_key(&key, path, 1), 0);
  CHECK(key == (int)ftok(path, 1));
  CHECK(unlink(path) == 0 && unlink(loop) == 0);
  return 0;
}
