/* Both programs must give the same type. The text names what differs. Another kind of object is refused. */
#include "cell.h"

typedef struct {
  int32_t celsius;
  int32_t humidity;
} Weather;

int main(void) {
  static const ipc_type_t weather = IPC_TYPE_FIELDS(Weather, 3, celsius, humidity);
  static const ipc_type_t swapped = IPC_TYPE_FIELDS(Weather, 3, humidity, celsius);
  static const ipc_type_t newer = IPC_TYPE_FIELDS(Weather, 4, celsius, humidity);
  ipc_type_t larger = weather, aligned = weather, renamed = weather, bare = IPC_TYPE(Weather, 3);
  larger.size = 12;
  aligned.alignment = 8;
  renamed.name = "Climate";
  const char *name = unique_name("cell");
  ipc_cell_t *cell, *other = (ipc_cell_t *)&cell;
  CHECK_EQUAL(ipc_cell_open(&cell, name, &weather, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_cell_open(&other, name, &swapped, 0, 0), -EPROTO, "celsius");
  CHECK_FAILS(ipc_cell_open(&other, name, &newer, IPC_CREATE, 0600), -EPROTO, "expected type Weather version 4, found Weather version 3");
  CHECK_FAILS(ipc_cell_open(&other, name, &larger, 0, 0), -EPROTO, "expected size 12");
  CHECK_FAILS(ipc_cell_open(&other, name, &aligned, 0, 0), -EPROTO, "alignment 8");
  CHECK_FAILS(ipc_cell_open(&other, name, &renamed, 0, 0), -EPROTO, "Climate");
  CHECK_FAILS(ipc_cell_open(&other, name, &bare, 0, 0), -EPROTO, "0 declared fields");
  CHECK_FAILS(ipc_cell_open(&other, name, &newer, IPC_READ_ONLY, 0), -EPROTO, "version 4");
  CHECK_EQUAL(ipc_cell_open(&other, name, NULL, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_cell_open(&other, name, &weather, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CHECK_EQUAL(ipc_cell_open(&other, name, &weather, IPC_WRITE_ONLY, 0), -EINVAL);
  CHECK_EQUAL(ipc_cell_open(&other, name, &weather, IPC_ADOPT, 0), -EINVAL);
  CHECK(other == (ipc_cell_t *)&cell);

  /* Other kinds of objects, in both directions. */
  ipc_shm_t *shm;
  ipc_mq_t *mq;
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &weather, 0, 0), -EMEDIUMTYPE, "found a cell");
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_unlink(name), -EMEDIUMTYPE);
  const char *region = unique_name("region"), *foreign = unique_name("foreign");
  CHECK_EQUAL(ipc_shm_open_typed(&shm, region, &weather, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_cell_open(&other, region, &weather, 0, 0), -EMEDIUMTYPE, "expected a cell");
  CHECK_EQUAL(ipc_cell_unlink(region), -EMEDIUMTYPE);
  int file = shm_open(foreign, O_CREAT | O_RDWR, 0600);
  CHECK(file >= 0 && ftruncate(file, 8192) == 0);
  CHECK_EQUAL(ipc_cell_open(&other, foreign, &weather, IPC_CREATE, 0600), -EPROTO);
  CHECK_EQUAL(ipc_cell_unlink(foreign), -EMEDIUMTYPE);

  /* The list shows it, and ipc_remove() removes it as what it is. */
  ipc_list_t *list;
  ipc_object_t object;
  int found = 0;
  CHECK_EQUAL(ipc_list(&list, IPC_KIND_CELL), 0);
  while (ipc_list_next(list, &object) == 1) {
    CHECK_EQUAL(object.kind, IPC_KIND_CELL);
    if (strcmp(object.name, name) == 0) found++;
  }
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK_EQUAL(found, 1);
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, name, -1), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_remove(IPC_KIND_CELL, name, -1), 0);
  CHECK_EQUAL(ipc_cell_stale(cell), 1);
  return 0;
}
