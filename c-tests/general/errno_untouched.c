/* No call touches errno, whether it succeeds or fails. */
#include "test.h"

enum { SENTINEL = 4242 };

#define LEAVES(call, expected) \
  do { \
    errno = SENTINEL; \
    long long result_ = (long long)(call); \
    int errno_ = errno; \
    CHECK_EQUAL(result_, expected); \
    if (errno_ != SENTINEL) test_failed(__FILE__, __LINE__, "%s set errno to %d", #call, errno_); \
  } while (0)

typedef struct {
  ipc_mutex_t mutex, contended;
  ipc_cond_t cond;
  ipc_sem_t sem;
} Shared;

static void holder(void *argument) {
  CHECK_EQUAL(ipc_mutex_lock(&((Shared *)argument)->contended, 0), 0);
  raise(SIGSTOP);
}

static void waiter(void *argument) {
  LEAVES(ipc_mutex_lock(&((Shared *)argument)->mutex, PATIENCE), 0);
  LEAVES(ipc_mutex_unlock(&((Shared *)argument)->mutex), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("its mmap refuses huge sizes with EINVAL");
  static const ipc_type_t type = { "T", 1, 0, sizeof(Shared), 8, { { NULL, 0, 0 } } };
  const char *name = unique_name("errno"), *sem_name = unique_name("errno-sem");
  ipc_shm_t *shm, *other;
  ipc_sem_t *sem;
  unsigned value;
  LEAVES(ipc_version() != NULL, 1);
  LEAVES(ipc_strerror(-EPERM) != NULL, 1);
  LEAVES(ipc_strerror(-99999) != NULL, 1);
  LEAVES(ipc_strerror(-ENOTBLK) != NULL, 1);
  LEAVES(ipc_last_error() != NULL, 1);

  LEAVES(ipc_shm_open_typed(&shm, name, &type, 0, 0), -ENOENT);
  LEAVES(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  LEAVES(ipc_shm_open_typed(&other, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  LEAVES(ipc_shm_open_typed_init(&other, name, &type, IPC_CREATE, 0600, NULL, NULL), IPC_OPENED);
  LEAVES(ipc_shm_close(other), 0);
  LEAVES(ipc_shm_close(other), -EBADF);
  LEAVES(ipc_shm_open(&other, name, 8, 0, 0), -EPROTO);
  LEAVES(ipc_shm_open(&other, "bad", 8, 0, 0), -EINVAL);
  LEAVES(ipc_shm_open(&other, name, SIZE_MAX, IPC_CREATE, 0600), sizeof(size_t) > 4 ? -ENOSPC : -EPROTO);
  LEAVES(ipc_shm_open_file(&other, "/none/none", &type, IPC_CREATE, 0600), -ENOENT);
  LEAVES(ipc_shm_anonymous(&other, 8), 0);
  LEAVES(ipc_shm_fd(other), -ENOTSUP);
  LEAVES(ipc_shm_close(other), 0);
  LEAVES(ipc_shm_anonymous(&other, SIZE_MAX), -ENOMEM);
  LEAVES(ipc_shm_sealed(&other, &type), 0);
  LEAVES(ipc_shm_seal_writing(other), 0);
  LEAVES(ipc_shm_seal_writing(other), -EPERM);
  ipc_shm_t *received;
  LEAVES(ipc_shm_from_fd(&received, ipc_shm_fd(other), &type, 0), -EPERM);
  LEAVES(ipc_shm_from_fd(&received, ipc_shm_fd(other), &type, IPC_READ_ONLY), 0);
  LEAVES(ipc_shm_from_fd(&received, -1, &type, 0), -EBADF);
  LEAVES(ipc_shm_data(shm) != NULL, 1);
  LEAVES(ipc_shm_data(NULL) != NULL, 0);
  LEAVES(ipc_shm_size(shm), sizeof(Shared));
  LEAVES(ipc_shm_fd(shm) >= 0, 1);
  LEAVES(ipc_shm_stale(shm), 0);
  LEAVES(ipc_shm_sync(shm), 0);

  Shared *shared = ipc_shm_data(shm);
  LEAVES(ipc_mutex_lock(&shared->mutex, 0), -EINVAL);
  LEAVES(ipc_mutex_init(&shared->mutex, NULL), 0);
  LEAVES(ipc_mutex_init(&shared->contended, NULL), 0);
  LEAVES(ipc_mutex_lock(&shared->mutex, 0), 0);
  LEAVES(ipc_mutex_lock(&shared->mutex, 0), -EDEADLK);
  LEAVES(ipc_mutex_consistent(&shared->mutex), -EINVAL);
  LEAVES(ipc_mutex_destroy(&shared->mutex), -EBUSY);
  LEAVES(ipc_cond_init(&shared->cond), 0);
  LEAVES(ipc_cond_wait(&shared->cond, &shared->mutex, 0), -EAGAIN);
  LEAVES(ipc_cond_wait(&shared->cond, &shared->mutex, MILLISECOND), -ETIMEDOUT);
  LEAVES(ipc_cond_signal(&shared->cond), 0);
  LEAVES(ipc_cond_broadcast(&shared->cond), 0);
  LEAVES(ipc_cond_destroy(&shared->cond), 0);
  LEAVES(ipc_cond_destroy(&shared->cond), -EINVAL);
  pid_t child = start(waiter, shared);
  wait_until_inside(child, SYS_futex);
  LEAVES(ipc_mutex_unlock(&shared->mutex), 0);
  FINISH(child);
  LEAVES(ipc_mutex_unlock(&shared->mutex), -EPERM);

  int status;
  child = start(holder, shared);
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  LEAVES(ipc_mutex_lock(&shared->contended, 0), -EAGAIN);
  LEAVES(ipc_mutex_lock(&shared->contended, MILLISECOND), -ETIMEDOUT);
  KILL(child);
  LEAVES(ipc_mutex_lock(&shared->contended, PATIENCE), IPC_OWNER_DIED);
  LEAVES(ipc_mutex_unlock(&shared->contended), 0);
  LEAVES(ipc_mutex_lock(&shared->contended, 0), -ENOTRECOVERABLE);
  LEAVES(ipc_mutex_destroy(&shared->contended), 0);

  LEAVES(ipc_sem_init(&shared->sem, 1), 0);
  LEAVES(ipc_sem_wait(&shared->sem, 0), 0);
  LEAVES(ipc_sem_wait(&shared->sem, 0), -EAGAIN);
  LEAVES(ipc_sem_wait(&shared->sem, MILLISECOND), -ETIMEDOUT);
  LEAVES(ipc_sem_post(&shared->sem), 0);
  LEAVES(ipc_sem_value(&shared->sem, &value), 0);
  LEAVES(ipc_sem_destroy(&shared->sem), 0);
  LEAVES(ipc_sem_post(&shared->sem), -EINVAL);
  LEAVES(ipc_sem_open(&sem, sem_name, 0, 0, 0), -ENOENT);
  LEAVES(ipc_sem_open(&sem, sem_name, 0, IPC_CREATE, 0600), IPC_CREATED);
  LEAVES(ipc_sem_close(sem), 0);
  LEAVES(ipc_sem_close(sem), -EBADF);
  LEAVES(ipc_sem_unlink(sem_name), 0);
  LEAVES(ipc_sem_unlink(sem_name), -ENOENT);
  LEAVES(ipc_shm_unlink(name), 0);
  LEAVES(ipc_shm_unlink(name), -ENOENT);
  LEAVES(ipc_shm_close(shm), 0);
  return 0;
}
