/* ipc_mutex_init() accepts the valid attributes and refuses all others. */
#include "test.h"

int main(void) {
  ipc_mutex_t mutex;
  memset(&mutex, 0x5a, sizeof mutex);
  for (int flags = 0; flags < 8; flags++) {
    ipc_mutex_attr_t attr = { .flags = flags };
    int both = IPC_MUTEX_RECURSIVE | IPC_MUTEX_ERROR_CHECK;
    if ((flags & both) == both) {
      CHECK_FAILS(ipc_mutex_init(&mutex, &attr), -EINVAL, "exclude each other");
    } else {
      CHECK_EQUAL(ipc_mutex_init(&mutex, &attr), 0);
      CHECK_EQUAL(ipc_mutex_lock(&mutex, 0), 0);
      CHECK_EQUAL(ipc_mutex_unlock(&mutex), 0);
      CHECK_EQUAL(ipc_mutex_init(&mutex, NULL), 0); /* free: it may be initialised again */
    }
  }
  for (int bit = 3; bit < 32; bit++) {
    ipc_mutex_attr_t attr = { .flags = (int)(1u << bit) };
    CHECK_FAILS(ipc_mutex_init(&mutex, &attr), -EINVAL, "flags");
  }
  for (int i = 0; i < 7; i++) {
    ipc_mutex_attr_t attr = { .flags = 0 };
    attr.reserved[i] = 1;
    CHECK_FAILS(ipc_mutex_init(&mutex, &attr), -EINVAL, "attr");
  }
  char space[2 * sizeof(ipc_mutex_attr_t)] = { 0 };
  CHECK_FAILS(
    ipc_mutex_init(&mutex, (ipc_mutex_attr_t *)(void *)(((uintptr_t)space | 3) + 2)), -EINVAL,
    "attr");
  return 0;
}
