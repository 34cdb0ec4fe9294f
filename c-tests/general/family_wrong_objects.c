/* Every call refuses NULL, misaligned, zeroed and foreign memory, and its error text says what the memory is. */
#include "test.h"

static void nothing(void *context) { (void)context; }

int main(void) {
  unsigned char *memory = shared_memory(8192);
  unsigned number;
  void *addresses[3] = {NULL, memory + 4, memory};
  for (int i = 0; i < 3; i++) {
    void *at = addresses[i];
    const char *text = i == 0 ? "NULL" : i == 1 ? "aligned" : "not initialised";
    CHECK_FAILS(ipc_rwlock_read_lock(at, 0), -EINVAL, text);
    CHECK_FAILS(ipc_rwlock_write_lock(at, 0), -EINVAL, text);
    CHECK_FAILS(ipc_rwlock_unlock(at), -EINVAL, text);
    CHECK_FAILS(ipc_rwlock_consistent(at), -EINVAL, text);
    CHECK_FAILS(ipc_rwlock_destroy(at), -EINVAL, text);
    CHECK_FAILS(ipc_permits_take(at, &number, 0), -EINVAL, text);
    CHECK_FAILS(ipc_permits_give(at, 0), -EINVAL, text);
    CHECK_FAILS(ipc_permits_free(at, &number), -EINVAL, text);
    CHECK_FAILS(ipc_permits_destroy(at), -EINVAL, text);
    CHECK_FAILS(ipc_barrier_wait(at, 0), -EINVAL, text);
    CHECK_FAILS(ipc_barrier_join(at), -EINVAL, text);
    CHECK_FAILS(ipc_barrier_leave(at), -EINVAL, text);
    CHECK_FAILS(ipc_barrier_reset(at), -EINVAL, text);
    CHECK_FAILS(ipc_barrier_destroy(at), -EINVAL, text);
    CHECK_FAILS(ipc_event_wait(at, 0), -EINVAL, text);
    CHECK_FAILS(ipc_event_set(at), -EINVAL, text);
    CHECK_FAILS(ipc_event_reset(at), -EINVAL, text);
    CHECK_FAILS(ipc_event_is_set(at), -EINVAL, text);
    CHECK_FAILS(ipc_event_destroy(at), -EINVAL, text);
    if (i == 2) break;
    CHECK_FAILS(ipc_rwlock_init(at), -EINVAL, text);
    CHECK_FAILS(ipc_permits_init(at, 1), -EINVAL, text);
    CHECK_FAILS(ipc_barrier_init(at, 1), -EINVAL, text);
    CHECK_FAILS(ipc_event_init(at, 0), -EINVAL, text);
    CHECK_FAILS(ipc_once(at, nothing, NULL, 0), -EINVAL, text);
  }

  /* Garbage, then objects of other types. */
  memset(memory, 0x5a, 8192);
  void *at = memory;
  CHECK_FAILS(ipc_rwlock_read_lock(at, 0), -EPROTO, "not a readers-writer lock");
  CHECK_FAILS(ipc_rwlock_write_lock(at, 0), -EPROTO, "not a readers-writer lock");
  CHECK_FAILS(ipc_rwlock_unlock(at), -EPROTO, "not a readers-writer lock");
  CHECK_FAILS(ipc_permits_take(at, &number, 0), -EPROTO, "not a pool of permits");
  CHECK_FAILS(ipc_barrier_wait(at, 0), -EPROTO, "not a barrier");
  CHECK_FAILS(ipc_event_wait(at, 0), -EPROTO, "not a placed event");
  CHECK_FAILS(ipc_once(at, nothing, NULL, 0), -EPROTO, "nor a once");
  CHECK_EQUAL(ipc_permits_init(at, 1), 0);
  CHECK_EQUAL(ipc_barrier_wait(at, 0), -EPROTO);
  CHECK_EQUAL(ipc_event_wait(at, 0), -EPROTO);

  /* Bad numbers. */
  CHECK_EQUAL(ipc_permits_take(at, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_take(at, &number, -2), -EINVAL);
  CHECK_EQUAL(ipc_permits_init(at, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_init(at, IPC_PERMITS_MAX + 1), -EINVAL);
  CHECK_EQUAL(ipc_rwlock_init(at), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(at, -2), -EINVAL);
  CHECK_EQUAL(ipc_rwlock_write_lock(at, INT64_MIN), -EINVAL);

  /* No object is taken for one of another type. */
  CHECK_EQUAL(ipc_mutex_lock(at, 0), -EPROTO);
  CHECK_EQUAL(ipc_mutex_unlock(at), -EPROTO);
  CHECK_EQUAL(ipc_once(at, nothing, NULL, 0), -EPROTO);
  memset(memory, 0, 8192);
  CHECK_EQUAL(ipc_once(at, nothing, NULL, 0), IPC_ONCE_RAN);
  CHECK_EQUAL(ipc_mutex_lock(at, 0), -EPROTO);
  CHECK_EQUAL(ipc_rwlock_read_lock(at, 0), -EPROTO);
  memset(memory, 0, 8192);
  CHECK_EQUAL(ipc_mutex_init(at, NULL), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(at, 0), -EPROTO);
  CHECK_EQUAL(ipc_once(at, nothing, NULL, 0), -EPROTO);
  return 0;
}
