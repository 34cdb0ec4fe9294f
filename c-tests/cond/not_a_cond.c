/* Memory that is no condition variable is refused by every call and left as it is. */
#include "test.h"

static void refused(void *place, ipc_mutex_t *mutex, int expected, const char *text) {
  char before[sizeof(ipc_cond_t)];
  memcpy(before, place, sizeof before);
  CHECK_FAILS(ipc_cond_wait(place, mutex, 0), expected, text);
  CHECK_FAILS(ipc_cond_signal(place), expected, text);
  CHECK_FAILS(ipc_cond_broadcast(place), expected, text);
  CHECK_FAILS(ipc_cond_destroy(place), expected, text);
  CHECK(memcmp(before, place, sizeof before) == 0);
}

int main(void) {
  _Alignas(64) char memory[128] = { 0 };
  ipc_mutex_t mutex;
  CHECK_EQUAL(ipc_mutex_init(&mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(&mutex, 0), 0);
  refused(memory, &mutex, -EINVAL, "not initialised");
  for (int value = 1; value < 256; value++) {
    memset(memory, value, sizeof(ipc_cond_t));
    refused(memory, &mutex, -EPROTO, "condition variable");
  }
  memset(memory, 0, sizeof memory);
  CHECK_EQUAL(ipc_sem_init((ipc_sem_t *)memory, 1), 0);
  refused(memory, &mutex, -EPROTO, "condition variable");
  for (int byte = 0; byte < 8; byte++) {
    CHECK_EQUAL(ipc_cond_init((ipc_cond_t *)memory), 0);
    memory[byte] ^= 1;
    refused(memory, &mutex, -EPROTO, "condition variable");
  }
  for (int shift = 1; shift < 8; shift++) {
    refused(memory + shift, &mutex, -EINVAL, "aligned to 8");
    CHECK_FAILS(ipc_cond_init((ipc_cond_t *)(memory + shift)), -EINVAL, "aligned to 8");
  }
  CHECK_EQUAL(ipc_mutex_unlock(&mutex), 0);
  return 0;
}
