/* ipc_sysv_key gives ftok's keys. If ftok would give an unusable key, the error says what is wrong. */
#include "sysv.h"

int main(void) {
  const char *path = unique_file("key");
  key_t key = 0;
  for (int project = 1; project < 256; project++) {
    CHECK_EQUAL(ipc_sysv_key(&key, path, project), 0);
    CHECK_EQUAL(key, ftok(path, project));
  }
  CHECK_EQUAL(ipc_sysv_key(&key, "/tmp", 'A'), 0);
  CHECK_EQUAL(key, ftok("/tmp", 'A'));

  key = 77;
  CHECK_FAILS(ipc_sysv_key(&key, path, 0), -EINVAL, "project 0");
  CHECK_FAILS(ipc_sysv_key(&key, path, 256), -EINVAL, "256");
  CHECK_EQUAL(ipc_sysv_key(&key, path, -1), -EINVAL);
  CHECK_FAILS(ipc_sysv_key(&key, "/nowhere/at/all", 1), -ENOENT, "/nowhere/at/all");
  CHECK_EQUAL(ipc_sysv_key(&key, "", 1), -ENOENT);
  CHECK_EQUAL(ipc_sysv_key(&key, NULL, 1), -EINVAL);
  CHECK_EQUAL(ipc_sysv_key(NULL, path, 1), -EINVAL);
  CHECK_EQUAL(key, 77);
  return 0;
}
