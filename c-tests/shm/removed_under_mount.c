/* A file that was removed, and that a bind mount still shows at its path, ends the opening with an error. No name can be
 * given to a new file there, and the old one is nobody's any more. */
#include "namespace.h"

static const ipc_type_t counter = IPC_TYPE(int, 1);

int main(void) {
  if (enter_namespaces(CLONE_NEWNS) != 0) SKIP("mount namespaces are not permitted");
  if (mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0) SKIP("mounts cannot be made private");
  const char *base = getenv("TMPDIR");
  char original[200], shown[200];
  snprintf(original, sizeof original, "%.100s/ripc-test-%d-original", base ? base : "/tmp", (int)getpid());
  snprintf(shown, sizeof shown, "%.100s/ripc-test-%d-shown", base ? base : "/tmp", (int)getpid());
  ipc_shm_t *shm;
  int result = ipc_shm_open_file(&shm, original, &counter, IPC_CREATE, 0600);
  if (result == -EOPNOTSUPP) SKIP("the file system has no unnamed files");
  CHECK_EQUAL(result, IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  int file = open(shown, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  close(file);
  if (mount(original, shown, "none", MS_BIND, "") != 0) SKIP("a file cannot be mounted");
  CHECK(unlink(original) == 0);
  CHECK_FAILS(ipc_shm_open_file(&shm, shown, &counter, 0, 0), -EBUSY, "kept by a mount");
  CHECK_FAILS(ipc_shm_open_file(&shm, shown, &counter, IPC_CREATE, 0600), -EBUSY, "kept by a mount");
  CHECK(umount2(shown, MNT_DETACH) == 0);
  CHECK(unlink(shown) == 0);
  return 0;
}
