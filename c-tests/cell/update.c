/* An update changes a copy of the latest value, and no other writer comes in between. If its function fails, nothing is
 * written. */
#include "cell.h"

#define ROUNDS 5000

static const char *name;
static ipc_cell_t *cell;

static int count(void *value, void *by) {
  CHECK((uintptr_t)value % _Alignof(Value) == 0);
  ((Value *)value)->words[0] += *(uint64_t *)by;
  return 0;
}

static int fail_with(void *value, void *result) {
  memset(value, 0xff, sizeof(Value));
  return *(int *)result;
}

static int write_within(void *value, void *context) {
  (void)context;
  Value latest;
  CHECK_EQUAL(ipc_cell_read(cell, &latest, NULL), 0); /* reading is allowed */
  CHECK(memcmp(&latest, value, sizeof latest) == 0);
  CHECK_EQUAL(ipc_cell_write(cell, &latest), -EDEADLK);
  CHECK_EQUAL(ipc_cell_update(cell, write_within, NULL), -EDEADLK);
  return 0;
}

static ipc_mutex_t *mutex;

static int lock_within(void *value, void *context) {
  (void)context;
  CHECK_EQUAL(ipc_mutex_lock(mutex, PATIENCE), 0);
  ((Value *)value)->words[1]++;
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  return 5; /* not negative: it is written */
}

static void counter(void *by) {
  ipc_cell_t *own = open_cell(name, 0, 0);
  for (int i = 0; i < ROUNDS; i++) CHECK_EQUAL(ipc_cell_update(own, count, by), 0);
}

int main(void) {
  name = unique_name("cell");
  cell = open_cell(name, IPC_CREATE, 0600);
  uint64_t by[] = { 1, 1000003 };
  pid_t children[2];
  for (int i = 0; i < 2; i++) children[i] = start(counter, &by[i]);
  for (int i = 0; i < 2; i++) FINISH(children[i]);
  Value value;
  ipc_sample_t info;
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0); /* it began with zeros */
  CHECK_EQUAL(value.words[0], ROUNDS * (by[0] + by[1]));
  CHECK_EQUAL(value.words[1], 0);
  CHECK_EQUAL(info.number, 2 * ROUNDS);

  int results[] = { -1, -EBUSY, -ENODATA, -4096, -100000 };
  for (int i = 0; i < 5; i++) {
    CHECK_EQUAL(ipc_cell_update(cell, fail_with, &results[i]), results[i] < -4095 ? -EINVAL : results[i]);
    Value again;
    CHECK_EQUAL(ipc_cell_read(cell, &again, &info), 0);
    CHECK(memcmp(&again, &value, sizeof value) == 0);
    CHECK_EQUAL(info.number, 2 * ROUNDS);
  }
  CHECK_FAILS(ipc_cell_update(cell, fail_with, &results[1]), -EBUSY, "change returned");
  CHECK_EQUAL(ipc_cell_update(cell, write_within, NULL), 0);

  mutex = shared_memory(sizeof *mutex);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_cell_update(cell, lock_within, NULL), 0);
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), 0);
  CHECK_EQUAL(value.words[1], 1);
  return 0;
}
