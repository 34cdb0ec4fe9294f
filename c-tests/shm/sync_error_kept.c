/* After a sync that failed, every further sync of the handle fails: the kernel reports lost data once, so a later success
 * would prove nothing. A region that is opened again can be synced. */
#include "test.h"

static int disk_fails;

/* The library's calls of msync come here: the program's own symbol precedes the C library's. */
int msync(void *address, size_t length, int flags) {
  if (disk_fails) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(SYS_msync, address, length, flags);
}

static const ipc_type_t counter = IPC_TYPE(int, 1);

int main(void) {
  SKIP_UNDER_SANITIZERS("they have an msync of their own");
  const char *base = getenv("TMPDIR");
  char path[200];
  snprintf(path, sizeof path, "%.100s/ripc-test-%d-sync", base ? base : "/tmp", (int)getpid());
  ipc_shm_t *shm;
  int result = ipc_shm_open_file(&shm, path, &counter, IPC_CREATE, 0600);
  if (result == -EOPNOTSUPP) SKIP("the file system has no unnamed files");
  CHECK_EQUAL(result, IPC_CREATED);
  CHECK_EQUAL(ipc_shm_sync(shm), 0);
  disk_fails = 1;
  CHECK_FAILS(ipc_shm_sync(shm), -EIO, "may be lost");
  disk_fails = 0;
  CHECK_FAILS(ipc_shm_sync(shm), -EIO, "earlier ipc_shm_sync failed");
  CHECK_FAILS(ipc_shm_sync(shm), -EIO, "write all data again");
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_open_file(&shm, path, &counter, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_sync(shm), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK(unlink(path) == 0);
  return 0;
}
