/* Another user's objects: the mode decides about access, only the owner can remove them, and IPC_CHECK_OWNER refuses
 * them. */
#include "sysv.h"

enum { NOBODY = 65534 };
static key_t key;

static void become_nobody(void) {
  CHECK(setgid(NOBODY) == 0);
  CHECK(setuid(NOBODY) == 0);
}

static void stranger(void *unused) {
  (void)unused;
  become_nobody();
  ipc_sysv_shm_t *shm;
  ipc_sysv_msg_t *queue;
  ipc_sysv_sem_t *set;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 10, 0, 0), -EACCES);
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 10, IPC_READ_ONLY | IPC_CHECK_OWNER, 0), -EACCES);
  CHECK_LAST_ERROR("expected owner and creator 65534");
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 10, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_remove(shm), -EPERM);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, key, IPC_CREATE, 0600), -EACCES);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, key, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, "x", 1, 0), -EACCES);
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), -EPERM);
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 1, NULL, 0, 0), -EACCES);
  CHECK_EQUAL(ipc_sysv_sem_remove_id(semget(key, 0, 0)), -EPERM);
}

int main(void) {
  if (geteuid() != 0) SKIP("needs root, to become another user");
  key = unique_key("user");
  ipc_sysv_shm_t *shm;
  ipc_sysv_msg_t *queue;
  ipc_sysv_sem_t *set;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 10, IPC_CREATE, 0644), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, key, IPC_CREATE, 0644), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 1, NULL, IPC_CREATE, 0600), IPC_CREATED);
  FINISH(start(stranger, NULL));
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 1, NULL, IPC_CHECK_OWNER, 0), IPC_OPENED);
  return 0;
}
