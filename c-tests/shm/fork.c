/* After fork the child uses and closes the handles that it inherits, and the parent's handles are unaffected: for
 * anonymous, named and sealed memory. */
#include "test.h"

static ipc_shm_t *handles[3];

static void child(void *argument) {
  (void)argument;
  for (int i = 0; i < 3; i++) {
    int *data = ipc_shm_data(handles[i]);
    CHECK_EQUAL(data[0], i);
    data[1] = getpid();
    CHECK_EQUAL(ipc_shm_size(handles[i]), 8);
    CHECK_EQUAL(ipc_shm_close(handles[i]), 0);
    CHECK_FAILS(ipc_shm_close(handles[i]), -EBADF, "is closed");
    CHECK(ipc_shm_data(handles[i]) == NULL);
  }
}

int main(void) {
  static const ipc_type_t type = { "T", 1, 0, 8, 4, { { NULL, 0, 0 } } };
  CHECK_EQUAL(ipc_shm_anonymous(&handles[0], 8), 0);
  CHECK_EQUAL(ipc_shm_open(&handles[1], unique_name("fork"), 8, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_sealed(&handles[2], &type), 0);
  for (int i = 0; i < 3; i++) *(int *)ipc_shm_data(handles[i]) = i;
  for (int round = 0; round < 3; round++) {
    pid_t pid = start(child, NULL);
    FINISH(pid);
    for (int i = 0; i < 3; i++) CHECK_EQUAL(((int *)ipc_shm_data(handles[i]))[1], pid);
  }
  CHECK_FAILS(ipc_shm_fd(handles[0]), -ENOTSUP, "anonymous");
  CHECK_FAILS(ipc_shm_seal_writing(handles[0]), -ENOTSUP, "anonymous");
  CHECK_FAILS(ipc_shm_sync(handles[0]), -ENOTSUP, "anonymous");
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_shm_close(handles[i]), 0);
  return 0;
}
