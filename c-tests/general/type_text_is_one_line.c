/* Whatever a peer has put into names, ipc_last_error() stays one line of plain text. */
#include "test.h"

int main(void) {
  ipc_type_t evil = { "a\nb\x1b[31m\xff", 1, 1, 16, 8, { { "x\ny", 0, 8 } } };
  static const ipc_type_t good = { "good", 1, 0, 16, 8, { { NULL, 0, 0 } } };
  ipc_type_t other = evil;
  other.fields[0].name = "z";
  const char *name = unique_name("evil");
  ipc_shm_t *shm, *second;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &evil, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_shm_open_typed(&second, name, &good, 0, 0), -EPROTO, "a\\nb\\x1b[31m\\xff");
  CHECK_FAILS(ipc_shm_open_typed(&second, name, &other, 0, 0), -EPROTO, "x\\ny");
  for (const char *c = ipc_last_error(); *c != 0; c++) CHECK(*c >= ' ' && *c < 127);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
