/* A System V segment is created once. Others can open it only with the same size. It has the requested mode. */
#include "sysv.h"

int main(void) {
  key_t key = unique_key("shm");
  ipc_sysv_shm_t *shm = NULL, *other = NULL;
  CHECK_FAILS(ipc_sysv_shm_open(&shm, key, 5000, 0, 0), -ENOENT, "there is no");
  umask(077);
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 5000, IPC_CREATE, 0664), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_shm_size(shm), 5000);
  char *data = ipc_sysv_shm_data(shm);
  for (int i = 0; i < 5000; i++) CHECK_EQUAL(data[i], 0);
  ipc_sysv_shm_stat_t stat;
  CHECK_EQUAL(ipc_sysv_shm_stat(shm, &stat), 0);
  CHECK_EQUAL(stat.mode, 0664);
  CHECK_EQUAL(stat.key, key);
  CHECK_EQUAL(stat.id, ipc_sysv_shm_id(shm));
  CHECK_EQUAL(stat.size, 5000);
  CHECK_EQUAL(stat.attached, 1);
  CHECK_EQUAL(stat.owner, geteuid());
  CHECK_EQUAL(stat.creator_pid, getpid());
  CHECK_EQUAL(stat.removed, 0);

  CHECK_FAILS(
    ipc_sysv_shm_open(&other, key, 5000, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST, "exists");
  CHECK_FAILS(ipc_sysv_shm_open(&other, key, 4999, 0, 0), -EPROTO, "expected 4999 bytes, found 5000");
  CHECK_FAILS(ipc_sysv_shm_open(&other, key, 5001, IPC_CREATE, 0600), -EPROTO, "found 5000");
  CHECK_FAILS(ipc_sysv_shm_open_id(&other, stat.id, 1, 0), -EPROTO, "found 5000");
  CHECK(other == NULL);

  /* Read-only is enforced: a write kills the process. */
  strcpy(data, "seen");
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 5000, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK(strcmp(ipc_sysv_shm_data(other), "seen") == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    *(volatile char *)ipc_sysv_shm_data(other) = 1;
    _exit(0);
  }
  int status = wait_for(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  CHECK_EQUAL(ipc_sysv_shm_close(other), 0);

  /* A private segment is found by its id, and by no key. */
  CHECK_FAILS(ipc_sysv_shm_open(&other, IPC_SYSV_PRIVATE, 8, 0, 0), -EINVAL, "IPC_CREATE");
  CHECK_EQUAL(ipc_sysv_shm_open(&other, IPC_SYSV_PRIVATE, 8, IPC_CREATE, 0600), IPC_CREATED);
  int id = remember(IPC_KIND_SYSV_SHM, ipc_sysv_shm_id(other));
  ipc_sysv_shm_t *third;
  CHECK_EQUAL(ipc_sysv_shm_open_id(&third, id, 8, 0), 0);
  *(int *)ipc_sysv_shm_data(third) = 5;
  CHECK_EQUAL(*(int *)ipc_sysv_shm_data(other), 5);
  CHECK_EQUAL(ipc_sysv_shm_close(third), 0);
  CHECK_EQUAL(ipc_sysv_shm_close(other), 0);

  /* Impossible requests. */
  other = NULL;
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 0, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sysv_shm_open(NULL, key, 1, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 5000, IPC_ADOPT, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 5000, 1 << 30, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 5000, IPC_CREATE, 01777), -EINVAL);
  int huge = ipc_sysv_shm_open(&other, IPC_SYSV_PRIVATE, SIZE_MAX, IPC_CREATE, 0600);
  CHECK(huge == -EINVAL || huge == -ENOSPC || huge == -ENOMEM);
  if (sizeof(size_t) > 4) { /* a quarter of 32-bit addresses may be free */
    huge = ipc_sysv_shm_open(&other, IPC_SYSV_PRIVATE, SIZE_MAX / 4, IPC_CREATE, 0600);
    CHECK(huge == -EINVAL || huge == -ENOSPC || huge == -ENOMEM);
  }
  CHECK(other == NULL);
  CHECK_FAILS(ipc_sysv_shm_open_id(&other, 0x7fffffff, 8, 0), -ENOENT, "there is no");
  CHECK_EQUAL(ipc_sysv_shm_open_id(&other, -1, 8, 0), -ENOENT);

  CHECK_EQUAL(ipc_sysv_shm_remove(shm), 0);
  CHECK_EQUAL(ipc_sysv_shm_remove(shm), -EIDRM);
  CHECK_EQUAL(ipc_sysv_shm_stat(shm, &stat), 0);
  CHECK_EQUAL(stat.removed, 1);
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  CHECK_EQUAL(ipc_sysv_shm_remove_id(stat.id), -ENOENT);
  return 0;
}
