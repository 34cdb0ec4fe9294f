/* Flags that have no meaning are refused. The object has exactly the requested mode, whatever the umask. */
#include "test.h"
#include <sys/stat.h>

int main(void) {
  static const ipc_type_t type = { "T", 1, 0, 8, 8, { { NULL, 0, 0 } } };
  const char *name = unique_name("mode");
  ipc_shm_t *shm = NULL;
  ipc_sem_t *sem = NULL;
  int known = IPC_CREATE | IPC_EXCLUSIVE | IPC_READ_ONLY | IPC_ADOPT | IPC_CHECK_OWNER;
  for (int bit = 0; bit < 32; bit++) {
    int flag = (int)(1u << bit);
    if ((known & flag) == 0) {
      CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_CREATE | flag, 0600), -EINVAL, "no meaning");
      CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE | flag, 0600), -EINVAL);
      CHECK_EQUAL(ipc_shm_open_file(&shm, "/dev/shm/x", &type, flag, 0600), -EINVAL);
    }
    if ((flag & (IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER | IPC_POSIX)) == 0)
      CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_CREATE | flag, 0600), -EINVAL);
    if ((flag & (IPC_READ_ONLY | IPC_ADOPT | IPC_UNSEALED)) == 0)
      CHECK_FAILS(ipc_shm_from_fd(&shm, 0, &type, flag), -EINVAL, "no meaning");
  }
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_EXCLUSIVE, 0600), -EINVAL, "needs IPC_CREATE");
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_CREATE, 01600), -EINVAL, "mode 0o1600");
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_CREATE, 04777), -EINVAL, "permission bits");
  CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);

  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  static const mode_t masks[] = { 077, 022, 0777, 0 };
  for (int i = 0; i < 4; i++) {
    umask(masks[i]);
    for (mode_t mode = 0; mode <= 0777; mode += 0111) {
      struct stat status;
      CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE, mode), IPC_CREATED);
      CHECK_EQUAL(stat(path, &status), 0);
      CHECK_EQUAL(status.st_mode & 07777, mode);
      CHECK_EQUAL(ipc_shm_close(shm), 0);
      CHECK_EQUAL(ipc_shm_unlink(name), 0);
    }
  }
  return 0;
}
