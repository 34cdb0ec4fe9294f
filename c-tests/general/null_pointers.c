/* NULL for any pointer of any call is -EINVAL with a text, and outputs stay unchanged. Closing NULL does nothing. */
#include "test.h"

/* All other arguments are valid, so only the NULL pointer can be the reason. */
#define REFUSED(call, part) \
  do { \
    CHECK_FAILS(call, -EINVAL, part); \
    CHECK_LAST_ERROR("NULL"); \
    char name_[64]; \
    snprintf(name_, sizeof name_, "%.*s: -EINVAL: ", (int)strcspn(#call, "("), #call); \
    CHECK_LAST_ERROR(name_); \
    CHECK(shm == (ipc_shm_t *)&shm && sem == (ipc_sem_t *)&sem); \
  } while (0)

int main(void) {
  static const ipc_type_t type = { "T", 1, 0, 8, 8, { { NULL, 0, 0 } } };
  const char *name = unique_name("null");
  ipc_shm_t *shm = (ipc_shm_t *)&shm;
  ipc_sem_t *sem = (ipc_sem_t *)&sem;
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  ipc_sem_t placed;
  unsigned value = 5;
  CHECK_EQUAL(ipc_mutex_init(&mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(&mutex, 0), 0);
  CHECK_EQUAL(ipc_cond_init(&cond), 0);
  CHECK_EQUAL(ipc_sem_init(&placed, 1), 0);
  const int create = IPC_CREATE;

  REFUSED(ipc_shm_open_typed(NULL, name, &type, create, 0600), "out");
  REFUSED(ipc_shm_open_typed(&shm, NULL, &type, create, 0600), "name");
  REFUSED(ipc_shm_open_typed(&shm, name, NULL, create, 0600), "type");
  REFUSED(ipc_shm_open_typed_init(NULL, name, &type, create, 0600, NULL, NULL), "out");
  REFUSED(ipc_shm_open_typed_init(&shm, NULL, &type, create, 0600, NULL, NULL), "name");
  REFUSED(ipc_shm_open_typed_init(&shm, name, NULL, create, 0600, NULL, NULL), "type");
  REFUSED(ipc_shm_open(NULL, name, 8, create, 0600), "out");
  REFUSED(ipc_shm_open(&shm, NULL, 8, create, 0600), "name");
  REFUSED(ipc_shm_open_file(NULL, "/dev/shm/x", &type, create, 0600), "out");
  REFUSED(ipc_shm_open_file(&shm, NULL, &type, create, 0600), "path");
  REFUSED(ipc_shm_open_file(&shm, "/dev/shm/x", NULL, create, 0600), "type");
  REFUSED(ipc_shm_anonymous(NULL, 8), "out");
  REFUSED(ipc_shm_sealed(NULL, &type), "out");
  REFUSED(ipc_shm_sealed(&shm, NULL), "type");
  REFUSED(ipc_shm_from_fd(NULL, 0, &type, 0), "out");
  REFUSED(ipc_shm_from_fd(&shm, 0, NULL, 0), "type");
  REFUSED(ipc_shm_fd(NULL), "handle");
  REFUSED(ipc_shm_stale(NULL), "handle");
  REFUSED(ipc_shm_sync(NULL), "handle");
  REFUSED(ipc_shm_seal_writing(NULL), "handle");
  REFUSED(ipc_shm_unlink(NULL), "name");
  CHECK(ipc_shm_data(NULL) == NULL);
  CHECK_EQUAL(ipc_shm_size(NULL), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);

  REFUSED(ipc_mutex_init(NULL, NULL), "mutex");
  REFUSED(ipc_mutex_lock(NULL, 0), "mutex");
  REFUSED(ipc_mutex_lock(NULL, IPC_FOREVER), "mutex");
  REFUSED(ipc_mutex_unlock(NULL), "mutex");
  REFUSED(ipc_mutex_consistent(NULL), "mutex");
  REFUSED(ipc_mutex_destroy(NULL), "mutex");
  REFUSED(ipc_cond_init(NULL), "condition variable");
  REFUSED(ipc_cond_wait(NULL, &mutex, 0), "condition variable");
  REFUSED(ipc_cond_wait(&cond, NULL, 0), "mutex");
  REFUSED(ipc_cond_signal(NULL), "condition variable");
  REFUSED(ipc_cond_broadcast(NULL), "condition variable");
  REFUSED(ipc_cond_destroy(NULL), "condition variable");
  REFUSED(ipc_sem_init(NULL, 0), "semaphore");
  REFUSED(ipc_sem_wait(NULL, 0), "semaphore");
  REFUSED(ipc_sem_post(NULL), "semaphore");
  REFUSED(ipc_sem_value(NULL, &value), "semaphore");
  REFUSED(ipc_sem_value(&placed, NULL), "value");
  REFUSED(ipc_sem_destroy(NULL), "semaphore");
  REFUSED(ipc_sem_open(NULL, name, 0, create, 0600), "out");
  REFUSED(ipc_sem_open(&sem, NULL, 0, create, 0600), "name");
  REFUSED(ipc_sem_unlink(NULL), "name");
  CHECK_EQUAL(value, 5);

  CHECK_EQUAL(ipc_shm_close(NULL), 0);
  CHECK_EQUAL(ipc_sem_close(NULL), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&mutex), 0);
  return 0;
}
