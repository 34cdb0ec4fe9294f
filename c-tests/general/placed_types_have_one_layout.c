/* The placed types have the same size and alignment on every machine, also where a 64-bit number is aligned to
 * 4 bytes (i386): so programs of 32 and of 64 bits agree about a struct that holds them. */
#include "test.h"
#include <robustipc.h>

#define IS(type, size) _Static_assert(sizeof(type) == (size) && _Alignof(type) == 8, #type)
IS(ipc_mutex_t, 64);
IS(ipc_cond_t, 32);
IS(ipc_sem_t, 32);
IS(ipc_rwlock_t, 2048);
IS(ipc_permits_t, 2048);
IS(ipc_barrier_t, 2048);
IS(ipc_once_t, 96);
IS(ipc_event_t, 32);

typedef struct {
  uint32_t first;
  ipc_mutex_t mutex;
  uint32_t second;
  ipc_event_t event;
  uint32_t third;
} shared_t;
_Static_assert(offsetof(shared_t, mutex) == 8 && offsetof(shared_t, event) == 80, "members are aligned to 8");
_Static_assert(sizeof(shared_t) == 120, "the struct is padded to 8");

int main(void) {
  /* The library agrees: it refuses a place that is not aligned to 8. */
  static shared_t shared;
  CHECK((uintptr_t)&shared % 8 == 0);
  CHECK(ipc_mutex_init(&shared.mutex, NULL) == 0);
  CHECK(ipc_event_init(&shared.event, 0) == 0);
  CHECK(ipc_mutex_lock(&shared.mutex, 0) == 0);
  CHECK(ipc_mutex_unlock(&shared.mutex) == 0);
  ipc_mutex_t *misplaced = (ipc_mutex_t *)(void *)((char *)&shared.mutex + 4);
  CHECK(ipc_mutex_init(misplaced, NULL) == -EINVAL);
  return 0;
}
