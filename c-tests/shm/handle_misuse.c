/* Every call recognises a closed, foreign, NULL or invented handle. A region is not unmapped while this thread holds a
 * lock in it. Two threads may use and close one handle. */
#include "test.h"
#include <pthread.h>
#include <stdatomic.h>

static void refused(ipc_shm_t *shm, int expected, const char *text) {
  CHECK(ipc_shm_data(shm) == NULL);
  CHECK_LAST_ERROR(text);
  CHECK_EQUAL(ipc_shm_size(shm), 0);
  CHECK_LAST_ERROR(text);
  CHECK_FAILS(ipc_shm_fd(shm), expected, text);
  CHECK_FAILS(ipc_shm_stale(shm), expected, text);
  CHECK_FAILS(ipc_shm_sync(shm), expected, text);
  CHECK_FAILS(ipc_shm_seal_writing(shm), expected, text);
  if (shm == NULL) CHECK_EQUAL(ipc_shm_close(shm), 0);
  else CHECK_FAILS(ipc_shm_close(shm), expected, text);
}

static ipc_shm_t *_Atomic raced;
static atomic_int go, closed;

static void *racer(void *argument) {
  for (int i = 0; i < 2000; i++) {
    while (go <= i) sched_yield();
    ipc_shm_t *shm = raced;
    int stale = ipc_shm_stale(shm);
    CHECK(stale == 0 || stale == -EBADF);
    size_t size = ipc_shm_size(shm);
    CHECK(size == 8 || size == 0);
    int result = ipc_shm_close(shm);
    if (result == 0) closed++;
    else CHECK_EQUAL(result, -EBADF);
    __atomic_fetch_add((int *)argument, 1, __ATOMIC_SEQ_CST);
  }
  return NULL;
}

int main(void) {
  ipc_shm_t *shm, *other;
  const char *name = unique_name("handle");
  refused(NULL, -EINVAL, "is NULL");
  CHECK_EQUAL(ipc_shm_open(&shm, name, sizeof(ipc_mutex_t), IPC_CREATE, 0600), IPC_CREATED);
  ipc_mutex_t *mutex = ipc_shm_data(shm);
  refused((ipc_shm_t *)(void *)mutex, -EBADF, "not a handle of this library");
  refused((ipc_shm_t *)(void *)&shm, -EBADF, "not a handle of this library");
  refused((ipc_shm_t *)1, -EBADF, "not a handle of this library");
  refused((ipc_shm_t *)UINTPTR_MAX, -EBADF, "not a handle of this library");
  /* A valid handle with each single bit changed. */
  for (int bit = 0; bit < 64; bit++) {
    ipc_shm_t *forged = (ipc_shm_t *)((uintptr_t)shm ^ (uintptr_t)1 << bit);
    CHECK(ipc_shm_data(forged) == NULL);
    CHECK_EQUAL(ipc_shm_close(forged), -EBADF);
  }

  /* This thread holds a lock in the memory. */
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_FAILS(ipc_shm_close(shm), -EBUSY, "holds a lock");
  /* Through another handle the memory is at another address. */
  CHECK_EQUAL(ipc_shm_open(&other, name, sizeof(ipc_mutex_t), 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  refused(shm, -EBADF, "is closed");

  /* A handle opened later never equals an old one. */
  for (int i = 0; i < 300; i++) {
    CHECK_EQUAL(ipc_shm_anonymous(&other, 8), 0);
    CHECK(other != shm);
    CHECK_EQUAL(ipc_shm_close(shm), -EBADF);
    CHECK_EQUAL(ipc_shm_close(other), 0);
  }

  int done = 0;
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK_EQUAL(pthread_create(&threads[i], NULL, racer, &done), 0);
  for (int i = 0; i < 2000; i++) {
    ipc_shm_t *fresh;
    CHECK_EQUAL(ipc_shm_anonymous(&fresh, 8), 0);
    raced = fresh;
    go = i + 1;
    while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < 2 * (i + 1)) sched_yield();
    CHECK_EQUAL(closed, i + 1);
  }
  for (int i = 0; i < 2; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  return 0;
}
