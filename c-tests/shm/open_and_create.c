/* The result says whether a call created or opened the region, and the region has the requested size: typed and
 * untyped, with an initialiser and without. */
#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  double temperature;
  int sequence;
  char pad[5000];
} Sensor;

static const ipc_type_t sensor_type = IPC_TYPE_FIELDS(Sensor, 3, temperature, sequence);

static int initialise(void *data, void *context) {
  for (size_t i = 0; i < sizeof(Sensor); i++) CHECK_EQUAL(((char *)data)[i], 0);
  ((Sensor *)data)->sequence = *(int *)context;
  ++*(int *)context;
  return 0;
}

static void opener(void *name) {
  ipc_shm_t *shm;
  int context = 7;
  CHECK_EQUAL(
    ipc_shm_open_typed_init(&shm, name, &sensor_type, IPC_CREATE, 0600, initialise, &context),
    IPC_OPENED);
  CHECK_EQUAL(context, 7);
  Sensor *sensor = ipc_shm_data(shm);
  CHECK_EQUAL(sensor->sequence, 42);
  sensor->sequence = 43;
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

int main(void) {
  const char *name = unique_name("sensor"), *plain = unique_name("plain");
  ipc_shm_t *shm, *second, *untouched = (ipc_shm_t *)&shm;
  int context = 42;

  CHECK_FAILS(ipc_shm_open_typed(&untouched, name, &sensor_type, 0, 0600), -ENOENT, name);
  CHECK_FAILS(
    ipc_shm_open_typed(&untouched, name, &sensor_type, IPC_READ_ONLY, 0600), -ENOENT, name);
  CHECK_EQUAL(
    ipc_shm_open_typed_init(
      &shm, name, &sensor_type, IPC_CREATE | IPC_EXCLUSIVE, 0600, initialise, &context),
    IPC_CREATED);
  CHECK_EQUAL(context, 43);
  CHECK_EQUAL(ipc_shm_size(shm), sizeof(Sensor));
  CHECK_EQUAL((uintptr_t)ipc_shm_data(shm) % 4096, 0);
  CHECK_EQUAL(fcntl(ipc_shm_fd(shm), F_GETFD), FD_CLOEXEC);
  FINISH(start(opener, (void *)name));
  CHECK_EQUAL(((Sensor *)ipc_shm_data(shm))->sequence, 43);
  CHECK_FAILS(
    ipc_shm_open_typed(&untouched, name, &sensor_type, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST,
    name);
  CHECK_EQUAL(ipc_shm_open_typed(&second, name, &sensor_type, 0, 0), IPC_OPENED);
  CHECK(second != shm && ipc_shm_data(second) != ipc_shm_data(shm));
  ((Sensor *)ipc_shm_data(second))->sequence = 1;
  CHECK_EQUAL(((Sensor *)ipc_shm_data(shm))->sequence, 1);
  CHECK_EQUAL(ipc_shm_close(second), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  CHECK_EQUAL(
    ipc_shm_open_typed_init(&shm, name, &sensor_type, IPC_CREATE, 0600, NULL, NULL), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  /* Untyped: one byte, a page, a page and a byte. */
  static const size_t sizes[] = { 1, 4095, 4096, 4097, 1 << 20 };
  for (int i = 0; i < 5; i++) {
    CHECK_EQUAL(ipc_shm_open(&shm, plain, sizes[i], IPC_CREATE, 0600), IPC_CREATED);
    memset(ipc_shm_data(shm), 0xff, sizes[i]);
    CHECK_EQUAL(ipc_shm_size(shm), sizes[i]);
    CHECK_EQUAL(ipc_shm_open(&second, plain, sizes[i], IPC_CREATE, 0600), IPC_OPENED);
    CHECK(memcmp(ipc_shm_data(shm), ipc_shm_data(second), sizes[i]) == 0);
    CHECK_EQUAL(ipc_shm_close(second), 0);
    CHECK_FAILS(ipc_shm_open(&untouched, plain, sizes[i] + 1, 0, 0), -EPROTO, "expected size");
    CHECK_EQUAL(ipc_shm_unlink(plain), 0);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
  }
  CHECK(untouched == (ipc_shm_t *)&shm);
  return 0;
}
