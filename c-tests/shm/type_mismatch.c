/* Two builds that disagree about a struct find out at open, whichever opens first. The error names both sides of the
 * first difference. */
#include "test.h"

typedef struct {
  float temperature, humidity;
  _Alignas(8) int64_t sequence; /* i386 would align it to 4 */
} SensorData;

static ipc_type_t base(void) {
  ipc_type_t type = IPC_TYPE_FIELDS(SensorData, 1, temperature, humidity, sequence);
  return type;
}

static const char *name;

/* Each of the two types is refused for the other's object. */
static void differ(
  const ipc_type_t *ours, const ipc_type_t *theirs, const char *what, const char *our_side,
  const char *their_side) {
  const ipc_type_t *types[2] = { ours, theirs };
  const char *sides[2] = { our_side, their_side };
  for (int creator = 0; creator < 2; creator++) {
    ipc_shm_t *shm, *other = NULL;
    CHECK_EQUAL(ipc_shm_open_typed(&shm, name, types[creator], IPC_CREATE, 0600), IPC_CREATED);
    static const int flags[] = { 0, IPC_CREATE, IPC_READ_ONLY, IPC_ADOPT };
    for (int i = 0; i < 4; i++) {
      CHECK_FAILS(
        ipc_shm_open_typed(&other, name, types[!creator], flags[i], 0600), -EPROTO, name);
      char expected[200], found[200];
      snprintf(expected, sizeof expected, "expected %s%s", what, sides[!creator]);
      snprintf(found, sizeof found, "found %s", sides[creator]);
      CHECK_LAST_ERROR(expected);
      CHECK_LAST_ERROR(found);
    }
    CHECK(other == NULL);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
    CHECK_EQUAL(ipc_shm_unlink(name), 0);
  }
}

int main(void) {
  name = unique_name("mismatch");
  const ipc_type_t ours = base();
  ipc_type_t theirs = base();
  theirs.name = "SensorDatum";
  differ(&ours, &theirs, "type ", "SensorData version 1", "SensorDatum version 1");

  theirs = base();
  theirs.version = 2;
  differ(&ours, &theirs, "type ", "SensorData version 1", "SensorData version 2");

  theirs = base();
  theirs.size = 24;
  differ(&ours, &theirs, "", "size 16 with alignment 8", "size 24 with alignment 8");

  /* A type that needs another number of pages. */
  theirs.size = 8192;
  differ(&ours, &theirs, "", "size 16 with alignment 8", "size 8192 with alignment 8");

  theirs = base();
  theirs.alignment = 16;
  differ(&ours, &theirs, "", "size 16 with alignment 8", "size 16 with alignment 16");

  theirs = base();
  theirs.field_count = 2;
  differ(&ours, &theirs, "", "3", "2");

  theirs.field_count = 0;
  differ(&ours, &theirs, "", "3", "0");

  theirs = base();
  theirs.fields[1].name = "moisture";
  differ(&ours, &theirs, "", "humidity at offset 4 with size 4",
    "moisture at offset 4 with size 4");

  theirs = base();
  theirs.fields[0] = ours.fields[1];
  theirs.fields[1] = ours.fields[0];
  differ(&ours, &theirs, "", "temperature at offset 0 with size 4",
    "humidity at offset 4 with size 4");

  theirs = base();
  theirs.fields[1].offset = 5;
  differ(&ours, &theirs, "", "humidity at offset 4 with size 4",
    "humidity at offset 5 with size 4");

  theirs = base();
  theirs.fields[2].size = 4;
  differ(&ours, &theirs, "", "sequence at offset 8 with size 8",
    "sequence at offset 8 with size 4");

  /* An equal type is accepted. */
  theirs = base();
  ipc_shm_t *shm, *other;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &ours, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_open_typed(&other, name, &theirs, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK_FAILS(ipc_shm_open(&other, name, 16, 0, 0), -EPROTO, "found SensorData version 1");
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
