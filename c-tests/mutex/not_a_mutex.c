/* Every call refuses memory that is no mutex and leaves it unchanged: zeros, garbage, another type of this library, a
 * pthread mutex, a mutex of another layout version, a misaligned address. */
#include "test.h"
#include <pthread.h>

static void refused(void *place, int expected, const char *text) {
  char before[sizeof(ipc_mutex_t)];
  ipc_cond_t cond;
  memcpy(before, place, sizeof before);
  CHECK_EQUAL(ipc_cond_init(&cond), 0);
  CHECK_FAILS(ipc_mutex_lock(place, 0), expected, text);
  CHECK_FAILS(ipc_mutex_lock(place, MILLISECOND), expected, text);
  CHECK_FAILS(ipc_mutex_lock(place, IPC_FOREVER), expected, text);
  CHECK_FAILS(ipc_mutex_unlock(place), expected, text);
  CHECK_FAILS(ipc_mutex_consistent(place), expected, text);
  CHECK_FAILS(ipc_mutex_destroy(place), expected, text);
  CHECK_FAILS(ipc_cond_wait(&cond, place, 0), expected, text);
  CHECK(memcmp(before, place, sizeof before) == 0);
}

int main(void) {
  _Alignas(64) char memory[3 * sizeof(ipc_mutex_t)] = { 0 };
  ipc_mutex_t *mutex = (ipc_mutex_t *)memory;

  refused(memory, -EINVAL, "not initialised");
  for (int value = 1; value < 256; value++) {
    memset(memory, value, sizeof(ipc_mutex_t));
    refused(memory, -EPROTO, "expected tag");
  }
  memset(memory, 0, sizeof memory);
  CHECK_EQUAL(ipc_sem_init((ipc_sem_t *)memory, 1), 0);
  CHECK_EQUAL(ipc_sem_init((ipc_sem_t *)(memory + 8), 1), 0);
  refused(memory, -EPROTO, "expected tag");
  CHECK_EQUAL(ipc_cond_init((ipc_cond_t *)(memory + 8)), 0);
  refused(memory, -EPROTO, "expected tag");

  pthread_mutexattr_t attributes;
  CHECK_EQUAL(pthread_mutexattr_init(&attributes), 0);
  CHECK_EQUAL(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
  CHECK_EQUAL(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
  memset(memory, 0, sizeof memory);
  CHECK_EQUAL(pthread_mutex_init((pthread_mutex_t *)memory, &attributes), 0);
  CHECK_EQUAL(pthread_mutex_lock((pthread_mutex_t *)memory), 0);
  CHECK(ipc_mutex_lock(mutex, 0) < 0);
  CHECK_EQUAL(pthread_mutex_unlock((pthread_mutex_t *)memory), 0);

  /* Each byte of the tag's upper half: magic, kind, version, libc. */
  for (int byte = 12; byte < 16; byte++) {
    memset(memory, 0, sizeof memory);
    CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
    memory[byte] ^= 1;
    refused(memory, -EPROTO, "expected tag");
  }
  /* The lower half: the PID namespace. */
  for (int byte = 8; byte < 12; byte++) {
    memset(memory, 0, sizeof memory);
    CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
    memory[byte] ^= 1;
    refused(memory, -EPROTO, "PID namespace");
  }

  for (int shift = 1; shift < 8; shift++) {
    refused(memory + shift, -EINVAL, "aligned to 8");
    CHECK_FAILS(ipc_mutex_init((ipc_mutex_t *)(memory + shift), NULL), -EINVAL, "aligned to 8");
  }
  return 0;
}
