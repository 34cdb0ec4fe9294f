/* Of two processes that create one object at once, one succeeds. The other opens the object, or with IPC_EXCLUSIVE it
 * is refused. A call that succeeds in this way leaves ipc_last_error() unchanged. */
#include "test.h"

static const ipc_type_t type = { "int", 1, 0, sizeof(int), sizeof(int), { { NULL, 0, 0 } } };
static const char *name;

/* Acts as the other process, which is faster. */
static int be_overtaken(void *data, void *context) {
  ipc_shm_t *winner;
  CHECK_EQUAL(
    ipc_shm_open_typed(&winner, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  *(int *)ipc_shm_data(winner) = 7;
  CHECK_EQUAL(ipc_shm_close(winner), 0);
  *(int *)data = 8;
  ++*(int *)context;
  return 0;
}

int main(void) {
  ipc_shm_t *shm;
  int calls = 0;
  name = unique_name("race");

  CHECK_FAILS(
    ipc_shm_open_typed_init(
      &shm, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600, be_overtaken, &calls),
    -EEXIST, name);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);

  CHECK_FAILS(ipc_shm_open(&shm, "no slash", 4, 0, 0), -EINVAL, "does not begin with a slash");
  char before[1280];
  snprintf(before, sizeof before, "%s", ipc_last_error());
  CHECK_EQUAL(
    ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, be_overtaken, &calls),
    IPC_OPENED);
  CHECK_EQUAL(*(int *)ipc_shm_data(shm), 7);
  CHECK_EQUAL(calls, 2);
  CHECK_LAST_ERROR(before);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
