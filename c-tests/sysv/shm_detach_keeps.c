/* A segment stays when its users detach it or are killed, until it is removed. A removed segment stays attached to
 * the processes that have it. */
#include "sysv.h"

static key_t key;

static void writer(void *unused) {
  (void)unused;
  ipc_sysv_shm_t *shm;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 100, IPC_CREATE, 0600), IPC_CREATED);
  strcpy(ipc_sysv_shm_data(shm), "left behind");
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
}

static void half_writer(void *unused) {
  (void)unused;
  ipc_sysv_shm_t *shm;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 100, 0, 0), IPC_OPENED);
  strcpy(ipc_sysv_shm_data(shm), "half");
  raise(SIGKILL);
}

int main(void) {
  key = unique_key("keep");
  FINISH(start(writer, NULL));
  ipc_sysv_shm_t *shm;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 100, 0, 0), IPC_OPENED);
  ipc_sysv_shm_stat_t stat;
  CHECK_EQUAL(ipc_sysv_shm_stat(shm, &stat), 0);
  CHECK_EQUAL(stat.attached, 1);
  CHECK(strcmp(ipc_sysv_shm_data(shm), "left behind") == 0);

  int status = wait_for(start(half_writer, NULL));
  CHECK(WIFSIGNALED(status));
  CHECK(strcmp(ipc_sysv_shm_data(shm), "half") == 0);
  CHECK_EQUAL(ipc_sysv_shm_stat(shm, &stat), 0);
  CHECK_EQUAL(stat.attached, 1);

  CHECK_EQUAL(ipc_sysv_shm_remove(shm), 0);
  CHECK(strcmp(ipc_sysv_shm_data(shm), "half") == 0);
  ipc_sysv_shm_t *other;
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 100, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  CHECK_EQUAL(ipc_sysv_shm_close(shm), -EBADF);
  CHECK(ipc_sysv_shm_data(shm) == NULL);
  CHECK_EQUAL(ipc_sysv_shm_open_id(&other, stat.id, 100, 0), -ENOENT);
  return 0;
}
