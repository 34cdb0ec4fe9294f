/* A removed or replaced object stays usable for the processes that have it open, and they can ask whether it is
 * stale. */
#include "test.h"
#include <stdio.h>

int main(void) {
  const char *name = unique_name("stale"), *second = unique_name("second");
  ipc_shm_t *old, *new, *anonymous;
  CHECK_FAILS(ipc_shm_unlink(name), -ENOENT, name);
  CHECK_EQUAL(ipc_shm_open(&old, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_stale(old), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CHECK_FAILS(ipc_shm_unlink(name), -ENOENT, name);
  CHECK_EQUAL(ipc_shm_stale(old), 1);
  *(int *)ipc_shm_data(old) = 1;

  CHECK_EQUAL(ipc_shm_open(&new, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_stale(old), 1);
  CHECK_EQUAL(ipc_shm_stale(new), 0);
  CHECK_EQUAL(*(int *)ipc_shm_data(new), 0);
  CHECK_EQUAL(*(int *)ipc_shm_data(old), 1);
  CHECK_EQUAL(ipc_shm_close(old), 0);

  /* The object is replaced in one step, by another object and by a foreign file. */
  CHECK_EQUAL(ipc_shm_open(&old, second, 8, IPC_CREATE, 0600), IPC_CREATED);
  char from[128], to[128];
  snprintf(from, sizeof from, "/dev/shm%s", second);
  snprintf(to, sizeof to, "/dev/shm%s", name);
  CHECK_EQUAL(rename(from, to), 0);
  CHECK_EQUAL(ipc_shm_stale(new), 1);
  CHECK_EQUAL(ipc_shm_close(new), 0);
  CHECK_EQUAL(ipc_shm_close(old), 0);

  CHECK_EQUAL(ipc_shm_anonymous(&anonymous, 8), 0);
  CHECK_EQUAL(ipc_shm_stale(anonymous), 0);
  CHECK_EQUAL(ipc_shm_close(anonymous), 0);
  return 0;
}
