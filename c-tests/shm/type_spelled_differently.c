/* A type has one name, whatever its spelling in C and C++: a keyword before the name, or a "::", does not count. A
 * namespace does count, and IPC_TYPE_AS gives the type a name without it. */
#include "test.h"

struct Point {
  int x, y;
};
typedef struct Point Point;
typedef struct Point geo_Point;

static const char *name;

static int opens(const ipc_type_t *type) {
  ipc_shm_t *shm;
  int result = ipc_shm_open_typed(&shm, name, type, 0, 0);
  if (result == IPC_OPENED) CHECK_EQUAL(ipc_shm_close(shm), 0);
  return result;
}

static void create(const ipc_type_t *type) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, type, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

/* The same struct under another spelling, as a generator of bindings or another language would write it. */
static ipc_type_t spelled(const char *spelling) {
  ipc_type_t type = IPC_TYPE_FIELDS(Point, 1, x, y);
  type.name = spelling;
  return type;
}

int main(void) {
  name = unique_name("spelled");
  static const ipc_type_t in_c = IPC_TYPE_FIELDS(struct Point, 1, x, y);
  static const ipc_type_t by_typedef = IPC_TYPE_FIELDS(Point, 1, x, y);
  static const ipc_type_t named = IPC_TYPE_AS("Point", geo_Point, 1, x, y);
  static const ipc_type_t other = IPC_TYPE_FIELDS(geo_Point, 1, x, y);
  static const ipc_type_t without_fields = IPC_TYPE_AS("Point", geo_Point, 1);

  static const char *const spellings[] = {
    "Point", "struct Point", "union Point", "enum Point", "class Point", "::Point",
    "struct ::Point",
  };
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    ipc_type_t creator = spelled(spellings[i]);
    create(&creator);
    for (size_t j = 0; j < sizeof spellings / sizeof *spellings; j++) {
      ipc_type_t opener = spelled(spellings[j]);
      CHECK_EQUAL(opens(&opener), IPC_OPENED);
    }
    CHECK_EQUAL(opens(&in_c), IPC_OPENED);
    CHECK_EQUAL(opens(&by_typedef), IPC_OPENED);
    CHECK_EQUAL(opens(&named), IPC_OPENED);
    CHECK_FAILS(opens(&other), -EPROTO, name);
    CHECK_LAST_ERROR("expected type geo_Point version 1, found Point version 1");
    CHECK_FAILS(opens(&without_fields), -EPROTO, name);
    ipc_type_t elsewhere = spelled("geo::Point");
    CHECK_FAILS(opens(&elsewhere), -EPROTO, name);
    CHECK_EQUAL(ipc_shm_unlink(name), 0);
  }

  /* The limit of 63 bytes is for the name, not for its spelling. */
  char longest[] = "struct 123456789012345678901234567890123456789012345678901234567890123";
  ipc_type_t type = spelled(longest);
  create(&type);
  type.name = longest + strlen("struct ");
  CHECK_EQUAL(opens(&type), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  char longer[] = "struct 1234567890123456789012345678901234567890123456789012345678901234";
  ipc_shm_t *shm;
  type.name = longer;
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), -EINVAL, "63");

  /* A keyword alone is a name, and never that of an untyped region. */
  ipc_type_t keyword = spelled("struct ");
  create(&keyword);
  CHECK_FAILS(ipc_shm_open(&shm, name, sizeof(Point), 0, 0), -EPROTO, name);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  ipc_type_t empty = spelled("");
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &empty, IPC_CREATE, 0600), -EINVAL, "empty");
  return 0;
}
