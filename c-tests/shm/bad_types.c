/* An impossible type is refused, and the error text says what is wrong with it. */
#include "test.h"

static ipc_type_t type;
static const char *name;

static void refused(const char *text) {
  ipc_shm_t *shm = NULL;
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), -EINVAL, text);
  CHECK_FAILS(ipc_shm_sealed(&shm, &type), -EINVAL, text);
  CHECK_FAILS(ipc_shm_from_fd(&shm, 0, &type, 0), -EINVAL, text);
  CHECK_FAILS(ipc_shm_open_file(&shm, "/dev/shm/never", &type, IPC_CREATE, 0600), -EINVAL, text);
  CHECK(shm == NULL);
  CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);
}

int main(void) {
  static char long_name[65];
  static const ipc_type_t good = { "T", 1, 1, 16, 8, { { "field", 0, 8 } } };
  memset(long_name, 'n', 64);
  name = unique_name("type");

  type = good, type.name = NULL;
  refused("type's name is NULL");
  type = good, type.name = "";
  refused("name is empty");
  type = good, type.name = long_name;
  refused("more than 63 bytes");
  type = good, type.size = 0;
  refused("size is 0");
  static const size_t alignments[] = { 0, 3, 6, 8192, SIZE_MAX };
  for (int i = 0; i < 5; i++) {
    type = good, type.alignment = alignments[i];
    refused("power of two");
  }
  type = good, type.field_count = 33;
  refused("at most 32");
  type = good, type.field_count = UINT32_MAX;
  refused("at most 32");
  type = good, type.field_count = 2;
  refused("field's name is NULL");
  type = good, type.fields[0].name = "";
  refused("expected 1 to 47");
  type = good, type.fields[0].name = long_name;
  refused("expected 1 to 47");
  type = good, type.fields[0].size = 0;
  refused("does not lie");
  type = good, type.fields[0].offset = 9;
  refused("does not lie");
  type = good, type.fields[0].offset = SIZE_MAX;
  refused("does not lie");
  type = good, type.fields[0].size = SIZE_MAX;
  refused("does not lie");
  return 0;
}
