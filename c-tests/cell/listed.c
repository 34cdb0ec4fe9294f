/* A cell is an object like the others: it is listed with its type of object, its mode and the type of its value, and is removed as
 * what it is. */
#include "cell.h"

static const char *name;

static int listed(int kinds) {
  ipc_list_t *list;
  ipc_object_t object;
  int count = 0;
  CHECK_EQUAL(ipc_list(&list, kinds), 0);
  while (ipc_list_next(list, &object) == 1) {
    if (strcmp(object.name, name) != 0) continue;
    count++;
    CHECK_EQUAL(object.kind, IPC_KIND_CELL);
    CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
    CHECK_EQUAL(object.mode, 0640);
    CHECK_EQUAL(object.owner, geteuid());
    CHECK_EQUAL(object.users, 1);
    CHECK(strcmp(object.type_name, "Value") == 0);
    CHECK_EQUAL(object.type_version, 1);
  }
  CHECK_EQUAL(ipc_list_close(list), 0);
  return count;
}

int main(void) {
  name = unique_name("cell");
  ipc_cell_t *cell, *newer;
  CHECK_EQUAL(ipc_cell_open(&cell, name, &value_type, IPC_CREATE | IPC_EXCLUSIVE, 0640), IPC_CREATED);
  CHECK_EQUAL(ipc_cell_open(&newer, name, &value_type, IPC_CREATE | IPC_EXCLUSIVE, 0640), -EEXIST);
  CHECK_EQUAL(listed(IPC_KIND_CELL), 1);
  CHECK_EQUAL(listed(IPC_KIND_ALL), 1);
  CHECK_EQUAL(listed(IPC_KIND_ALL & ~IPC_KIND_CELL), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, name, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_topic_unlink(name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_service_unlink(name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_cell_stale(cell), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_CELL, name, 0), 0);
  CHECK_EQUAL(listed(IPC_KIND_ALL), 0);

  /* The old cell works on, beside a new one of its name. */
  CHECK_EQUAL(ipc_cell_open(&newer, name, &value_type, IPC_CREATE, 0640), IPC_CREATED);
  CHECK_EQUAL(ipc_cell_stale(cell), 1);
  CHECK_EQUAL(ipc_cell_stale(newer), 0);
  Value value = value_of(1), found;
  CHECK_EQUAL(ipc_cell_write(cell, &value), 0);
  CHECK_EQUAL(ipc_cell_read(newer, &found, NULL), -ENODATA);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  CHECK_EQUAL(ipc_cell_close(newer), 0);
  CHECK_EQUAL(ipc_cell_unlink(name), 0);
  return 0;
}
