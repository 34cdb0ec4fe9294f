/* An initialiser that fails leaves nothing: its error is the call's result, no other process has seen the object, and the
 * next creator starts again from zeroed memory. */
#include "test.h"

static const ipc_type_t type = IPC_TYPE(int, 1);

static int fail_as_told(void *data, void *context) {
  CHECK_EQUAL(*(int *)data, 0);
  *(int *)data = 5;
  return *(int *)context;
}

int main(void) {
  const char *name = unique_name("init");
  int descriptors = open_descriptors();
  ipc_shm_t *shm = (ipc_shm_t *)&shm;
  int told = -ENOTSUP;
  CHECK_FAILS(
    ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, fail_as_told, &told), -ENOTSUP, "init returned -95");
  CHECK_LAST_ERROR("nothing was created");
  CHECK(shm == (ipc_shm_t *)&shm);
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, 0, 0), -ENOENT, name);

  told = -5000;
  CHECK_FAILS(
    ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, fail_as_told, &told), -EINVAL, "init returned -5000");
  told = IPC_OWNER_DIED; /* any positive number is a success, as in every result of the library */
  CHECK_EQUAL(ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, fail_as_told, &told), IPC_CREATED);
  CHECK_EQUAL(*(int *)ipc_shm_data(shm), 5);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  /* It runs for new objects only. */
  told = -EIO;
  CHECK_EQUAL(ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, fail_as_told, &told), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(open_descriptors(), descriptors);
  return 0;
}
