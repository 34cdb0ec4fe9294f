/* NULL, closed and foreign handles, and NULL outputs, are errors, and the outputs stay unchanged. */
#include "sysv.h"

int main(void) {
  ipc_sysv_shm_t *shm;
  ipc_sysv_msg_t *queue;
  ipc_sysv_sem_t *set;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, 1, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_SHM, ipc_sysv_shm_id(shm));
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
  CHECK_EQUAL(ipc_sysv_shm_stat(shm, NULL), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_stat(queue, NULL), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_stat(set, NULL), -EINVAL);

  char byte = 0;
  unsigned short one = 1;
  ipc_sysv_sem_op_t op = {0, 1, 0};
  ipc_sysv_shm_stat_t shm_stat;
  ipc_sysv_msg_stat_t msg_stat;
  ipc_sysv_sem_stat_t sem_stat;
  /* NULL, then a handle of another kind, then closed handles. */
  void *wrong[][3] = {{NULL, NULL, NULL}, {queue, set, shm}, {shm, queue, set}};
  for (int i = 0; i < 3; i++) {
    int expected = i == 0 ? -EINVAL : -EBADF;
    if (i == 2) {
      CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
      CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
      CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
    }
    ipc_sysv_shm_t *a = wrong[i][0];
    ipc_sysv_msg_t *b = wrong[i][1];
    ipc_sysv_sem_t *c = wrong[i][2];
    CHECK(ipc_sysv_shm_data(a) == NULL);
    CHECK_EQUAL(ipc_sysv_shm_size(a), 0);
    CHECK_EQUAL(ipc_sysv_shm_id(a), expected);
    CHECK_EQUAL(ipc_sysv_shm_stat(a, &shm_stat), expected);
    CHECK_EQUAL(ipc_sysv_shm_set_permissions(a, (uid_t)-1, (gid_t)-1, 0600), expected);
    CHECK_EQUAL(ipc_sysv_shm_remove(a), expected);
    CHECK_EQUAL(ipc_sysv_shm_close(a), i == 0 ? 0 : -EBADF);
    CHECK_EQUAL(ipc_sysv_msg_send(b, 1, &byte, 1, 0), expected);
    CHECK_EQUAL(ipc_sysv_msg_receive(b, NULL, &byte, 1, IPC_MSG_ANY, 0, 0), expected);
    CHECK_EQUAL(ipc_sysv_msg_id(b), expected);
    CHECK_EQUAL(ipc_sysv_msg_stat(b, &msg_stat), expected);
    CHECK_EQUAL(ipc_sysv_msg_set_permissions(b, (uid_t)-1, (gid_t)-1, 0600), expected);
    CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(b, 100), expected);
    CHECK_EQUAL(ipc_sysv_msg_remove(b), expected);
    CHECK_EQUAL(ipc_sysv_msg_close(b), i == 0 ? 0 : -EBADF);
    CHECK_EQUAL(ipc_sysv_sem_op(c, &op, 1, 0), expected);
    CHECK_EQUAL(ipc_sysv_sem_value(c, 0), expected);
    CHECK_EQUAL(ipc_sysv_sem_id(c), expected);
    CHECK_EQUAL(ipc_sysv_sem_stat(c, &sem_stat), expected);
    CHECK_EQUAL(ipc_sysv_sem_set_permissions(c, (uid_t)-1, (gid_t)-1, 0600), expected);
    CHECK_EQUAL(ipc_sysv_sem_set_value(c, 0, 1), expected);
    CHECK_EQUAL(ipc_sysv_sem_set_values(c, &one, 1), expected);
    CHECK_EQUAL(ipc_sysv_sem_remove(c), expected);
    CHECK_EQUAL(ipc_sysv_sem_close(c), i == 0 ? 0 : -EBADF);
  }
  CHECK_EQUAL(ipc_sysv_msg_open(NULL, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, 1, IPC_READ_ONLY | IPC_WRITE_ONLY, 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_msg_open_id(&queue, -1, 0), -ENOENT);
  CHECK_EQUAL(ipc_sysv_sem_open_id(&set, -1, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_sysv_msg_remove_id(-1), -ENOENT);
  CHECK_EQUAL(ipc_sysv_sem_remove_id(0x7fffffff), -ENOENT);
  return 0;
}
