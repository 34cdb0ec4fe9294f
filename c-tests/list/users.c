/* ipc_list reports exactly the processes that have an object mapped or open. */
#include "sysv.h"

#include <fcntl.h>
#include <sched.h>

static const char *name;
static int shm_id;
static int *ready;

static void mapper(void *unused) {
  (void)unused;
  ipc_shm_t *shm;
  ipc_sysv_shm_t *segment;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 100, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_open_id(&segment, shm_id, 100, 0), 0);
  __atomic_store_n(&ready[0], 1, __ATOMIC_SEQ_CST);
  pause();
}

static void holder(void *unused) {
  (void)unused;
  CHECK(shm_open(name, O_RDONLY, 0) >= 0);
  __atomic_store_n(&ready[1], 1, __ATOMIC_SEQ_CST);
  pause();
}

static int users_of(int kind, pid_t *pids) {
  ipc_list_t *list;
  ipc_object_t object;
  CHECK_EQUAL(ipc_list(&list, kind), 0);
  int count = -1;
  while (ipc_list_next(list, &object) == 1) {
    CHECK_EQUAL(object.kind, kind);
    if (kind == IPC_KIND_SHM ? strcmp(object.name, name) != 0 : object.id != shm_id) continue;
    count = ipc_list_users(list, &object, pids, 4);
    CHECK_EQUAL(count, object.users);
    pid_t one[2] = {0, -7};
    CHECK_EQUAL(ipc_list_users(list, &object, one, 1), count);
    CHECK_EQUAL(one[1], -7);
    CHECK_EQUAL(ipc_list_users(list, &object, NULL, 0), count);
    if (count > 0) CHECK_EQUAL(ipc_list_users(list, &object, NULL, 1), -EINVAL);
    object.index = 1000000;
    CHECK_EQUAL(ipc_list_users(list, &object, pids, 4), -EINVAL);
  }
  CHECK_EQUAL(ipc_list_close(list), 0);
  return count;
}

int main(void) {
  ready = shared_memory(2 * sizeof *ready);
  name = unique_name("users");
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 100, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  shm_id = remember(IPC_KIND_SYSV_SHM, shmget(IPC_PRIVATE, 100, 0600));
  pid_t pids[4];
  CHECK_EQUAL(users_of(IPC_KIND_SHM, pids), 0);
  CHECK_EQUAL(users_of(IPC_KIND_SYSV_SHM, pids), 0);

  pid_t first = start(mapper, NULL), second = start(holder, NULL);
  for (int i = 0; i < 2; i++)
    while (!__atomic_load_n(&ready[i], __ATOMIC_SEQ_CST)) sched_yield();
  CHECK_EQUAL(users_of(IPC_KIND_SHM, pids), 2);
  CHECK_EQUAL(pids[0], first < second ? first : second);
  CHECK_EQUAL(pids[1], first < second ? second : first);
  CHECK_EQUAL(users_of(IPC_KIND_SYSV_SHM, pids), 1);
  CHECK_EQUAL(pids[0], first);
  KILL(second);
  CHECK_EQUAL(users_of(IPC_KIND_SHM, pids), 1);
  KILL(first);
  CHECK_EQUAL(users_of(IPC_KIND_SHM, pids), 0);
  return 0;
}
