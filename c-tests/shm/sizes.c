/* Impossible sizes: 0, more than a file can hold, more than the addresses of a process, more than the file system has. Nothing is
 * left behind. */
#include "test.h"
#include <sys/statvfs.h>

int main(void) {
  SKIP_UNDER_VALGRIND("its mmap refuses huge sizes with EINVAL");
  const char *name = unique_name("size");
  ipc_shm_t *shm = NULL;
  CHECK_FAILS(ipc_shm_open(&shm, name, 0, IPC_CREATE, 0600), -EINVAL, "size is 0");
  CHECK_FAILS(ipc_shm_anonymous(&shm, 0), -EINVAL, "size is 0");

  struct statvfs system;
  CHECK_EQUAL(statvfs("/dev/shm", &system), 0);
  size_t past = (size_t)system.f_blocks * system.f_frsize;
  const size_t sizes[] = {
    SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4096, SIZE_MAX - 8191, (size_t)INT64_MAX,
    (size_t)INT64_MAX - 4096, (size_t)INT64_MAX - 8192, SIZE_MAX / 4 + 1, past + 1, past,
  };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    if (past == 0 && i >= 8) continue; /* a tmpfs without a limit */
    if (sizeof(size_t) == 4) {
      if (sizes[i] <= INT32_MAX) continue; /* it may be possible */
      CHECK_FAILS(ipc_shm_open(&shm, name, sizes[i], IPC_CREATE, 0600), -ENOMEM, "address space");
      CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);
      continue;
    }
    CHECK_FAILS(ipc_shm_open(&shm, name, sizes[i], IPC_CREATE, 0600), -ENOSPC, "bytes");
    ipc_type_t type = { "T", 1, 0, sizes[i], 8, { { NULL, 0, 0 } } };
    CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), -ENOSPC);
    CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);
  }
  CHECK_EQUAL(ipc_shm_anonymous(&shm, SIZE_MAX), -ENOMEM);
  CHECK_EQUAL(ipc_shm_anonymous(&shm, sizeof(size_t) == 4 ? SIZE_MAX / 2 + 1 : SIZE_MAX / 4 + 1), -ENOMEM);
  CHECK(shm == NULL);
  return 0;
}
