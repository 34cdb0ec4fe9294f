/* If /dev/shm is full, opening returns -ENOSPC. There is no SIGBUS later, and nothing is left behind. */
#include "namespace.h"
#include <sys/stat.h>
#include <sys/statvfs.h>

static unsigned long long room(void) {
  struct statvfs system;
  CHECK_EQUAL(statvfs("/dev/shm", &system), 0);
  return (unsigned long long)system.f_bavail * system.f_frsize;
}

int main(void) {
  mount_own_dev_shm("64k");

  ipc_shm_t *shm = NULL, *kept;
  ipc_sem_t *sem = NULL;
  CHECK_EQUAL(room(), 65536);
  CHECK_FAILS(
    ipc_shm_open(&shm, "/large", 65536, IPC_CREATE, 0600), -ENOSPC, "no room for 69632 bytes");
  CHECK_EQUAL(room(), 65536);
  CHECK_EQUAL(ipc_shm_open(&kept, "/kept", 40960, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_shm_open(&shm, "/more", 40960, IPC_CREATE, 0600), -ENOSPC, "/more");
  CHECK_EQUAL(access("/dev/shm/more", F_OK), -1);

  /* A sparse object of another library, larger than the free space. */
  int fd = shm_open("/foreign", O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0);
  CHECK_EQUAL(ftruncate(fd, 32768), 0);
  CHECK_FAILS(ipc_shm_open(&shm, "/foreign", 32768, IPC_ADOPT, 0), -ENOSPC, "/foreign");
  struct stat status;
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK_EQUAL(status.st_size, 32768);
  CHECK_EQUAL(shm_unlink("/foreign"), 0);
  close(fd);

  /* Full to the last page. */
  fd = open("/dev/shm/filler", O_RDWR | O_CREAT, 0600);
  CHECK_EQUAL(posix_fallocate(fd, 0, (off_t)room()), 0);
  CHECK_EQUAL(room(), 0);
  CHECK_FAILS(ipc_shm_open(&shm, "/one", 1, IPC_CREATE, 0600), -ENOSPC, "/one");
  CHECK_FAILS(ipc_sem_open(&sem, "/one", 1, IPC_CREATE, 0600), -ENOSPC, "/one");
  CHECK_EQUAL(access("/dev/shm/one", F_OK), -1);
  CHECK(shm == NULL && sem == NULL);
  /* An object opened earlier can be written to the last byte. */
  memset(ipc_shm_data(kept), 0xff, 40960);
  CHECK_EQUAL(ipc_shm_open(&shm, "/kept", 40960, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  /* When there is room again, opening succeeds. */
  CHECK_EQUAL(unlink("/dev/shm/filler"), 0);
  close(fd);
  CHECK_EQUAL(ipc_shm_open(&shm, "/one", 1, IPC_CREATE, 0600), IPC_CREATED);
  return 0;
}
