/* IPC_READ_ONLY maps read-only: reading works, and writing raises SIGSEGV, in the creator and in every other process.
 * */
#include "test.h"

static void writes(void *data) {
  *(volatile int *)data = 1;
}

static void check_read_only(ipc_shm_t *shm) {
  CHECK_EQUAL(*(volatile int *)ipc_shm_data(shm), 0);
  int status = wait_for(start(writes, ipc_shm_data(shm)));
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void) {
  const char *name = unique_name("read-only");
  ipc_shm_t *shm, *reader;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE | IPC_READ_ONLY, 0600), IPC_CREATED);
  check_read_only(shm);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_open(&reader, name, 8, IPC_READ_ONLY, 0), IPC_OPENED);
  check_read_only(reader);
  *(int *)ipc_shm_data(shm) = 5;
  CHECK_EQUAL(*(volatile int *)ipc_shm_data(reader), 5);
  CHECK_EQUAL(ipc_shm_sync(reader), 0);
  CHECK_EQUAL(ipc_shm_close(reader), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
