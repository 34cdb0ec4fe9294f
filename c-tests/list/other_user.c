/* A user without privileges sees other users' objects. The call reports what it could not read, and the user cannot
 * remove these objects. */
#include "sysv.h"

enum { NOBODY = 65534 };
static const char *name;
static int shm_id;

static void stranger(void *unused) {
  (void)unused;
  CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
  ipc_list_t *list;
  ipc_object_t object;
  CHECK_EQUAL(ipc_list(&list, IPC_KIND_ALL), 0);
  int found = 0;
  while (ipc_list_next(list, &object) == 1) {
    int is_named = strcmp(object.name, name) == 0;
    if (!is_named && !(object.kind == IPC_KIND_SYSV_SHM && object.id == shm_id)) continue;
    found++;
    CHECK_EQUAL(object.owner, 0);
    CHECK_EQUAL(object.mode, 0600);
    CHECK_EQUAL(object.users_complete, 0); /* this user cannot read root's entries in /proc */
    CHECK_EQUAL(object.record, is_named ? IPC_RECORD_UNREADABLE : IPC_RECORD_NONE);
  }
  CHECK_EQUAL(found, 2);
  int unlisted = ipc_list_unlisted(list);
  CHECK(unlisted == 0 || unlisted == IPC_KIND_KERNEL_MQ);
  CHECK_EQUAL(ipc_list_close(list), 0);
  int result = ipc_remove(IPC_KIND_SHM, name, -1);
  CHECK(result == -EPERM || result == -EACCES);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SYSV_SHM, NULL, shm_id), -EPERM);
}

int main(void) {
  if (geteuid() != 0) SKIP("needs root, to become another user");
  name = unique_name("root");
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  shm_id = remember(IPC_KIND_SYSV_SHM, shmget(IPC_PRIVATE, 8, 0600));
  FINISH(start(stranger, NULL));
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, name, -1), 0);
  return 0;
}
