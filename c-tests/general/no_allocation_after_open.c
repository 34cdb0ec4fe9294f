/* Once its object is open, no lock, wait, signal or post allocates or maps memory. This includes the first call in a
 * process, a call that waits, and a call that fails. */
#include "test.h"
#include <pthread.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

/* The library finds these functions before libc's, because the program's symbols come first. */
static volatile int counting;
static volatile int counted;

static void count(void) {
  if (counting) counted++;
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void free(void *memory) {
  if (memory != NULL) count();
  __libc_free(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  (void)alignment;
  count();
  *out = __libc_malloc(size);
  return *out == NULL ? ENOMEM : 0;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  count();
#ifdef SYS_mmap2
  return (void *)syscall(SYS_mmap2, address, length, protection, flags, fd, (long)(offset / 4096));
#else
  return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
#endif
}

#ifndef mmap64 /* musl has one function of both names */
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mmap(address, length, protection, flags, fd, (off_t)offset);
}
#endif

int munmap(void *address, size_t length) {
  count();
  return (int)syscall(SYS_munmap, address, length);
}

typedef struct {
  ipc_mutex_t mutex, held, zeroed, recursive, inherits;
  ipc_cond_t cond;
  ipc_sem_t sem;
} Shared;

static const ipc_type_t shared_type = IPC_TYPE(Shared, 1);

static int initialise(void *data, void *context) {
  Shared *shared = data;
  (void)context;
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE };
  ipc_mutex_attr_t inherits = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->held, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->inherits, &inherits), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  return ipc_sem_init(&shared->sem, 0);
}

/* Every call and its usual failures. The results are checked later, because checks may allocate. */
static void use(Shared *shared, int *results) {
  int n = 0;
  counting = 1;
  results[n++] = ipc_mutex_lock(&shared->mutex, 0);
  results[n++] = ipc_mutex_lock(&shared->mutex, 0);
  results[n++] = ipc_cond_wait(&shared->cond, &shared->mutex, 0);
  results[n++] = ipc_cond_wait(&shared->cond, &shared->mutex, MILLISECOND);
  results[n++] = ipc_cond_signal(&shared->cond);
  results[n++] = ipc_cond_broadcast(&shared->cond);
  results[n++] = ipc_mutex_unlock(&shared->mutex);
  results[n++] = ipc_mutex_unlock(&shared->mutex);
  results[n++] = ipc_mutex_lock(&shared->held, 0);
  results[n++] = ipc_mutex_lock(&shared->held, MILLISECOND);
  results[n++] = ipc_mutex_consistent(&shared->held);
  results[n++] = ipc_mutex_lock(&shared->zeroed, 0);
  results[n++] = ipc_mutex_lock(NULL, 0);
  results[n++] = ipc_mutex_lock(&shared->recursive, IPC_FOREVER);
  results[n++] = ipc_mutex_lock(&shared->recursive, IPC_FOREVER);
  results[n++] = ipc_mutex_unlock(&shared->recursive);
  results[n++] = ipc_mutex_unlock(&shared->recursive);
  results[n++] = ipc_mutex_lock(&shared->inherits, SECOND);
  results[n++] = ipc_mutex_unlock(&shared->inherits);
  results[n++] = ipc_sem_wait(&shared->sem, 0);
  results[n++] = ipc_sem_wait(&shared->sem, MILLISECOND);
  results[n++] = ipc_sem_post(&shared->sem);
  results[n++] = ipc_sem_wait(&shared->sem, IPC_FOREVER);
  results[n++] = ipc_last_error()[0] != 0;
  results[n++] = ipc_strerror(-EPERM)[0] != 0;
  counting = 0;
}

static const int expected[] = {
  0, -EDEADLK, -EAGAIN, -ETIMEDOUT, 0, 0, 0, -EPERM, -EAGAIN, -ETIMEDOUT, -EPERM, -EINVAL, -EINVAL,
  0, 0, 0, 0, 0, 0, -EAGAIN, -ETIMEDOUT, 0, 0, 1, 1,
};

static void *in_thread(void *shared) {
  static int results[sizeof expected / sizeof expected[0]];
  use(shared, results);
  return results;
}

static void check(const int *results) {
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
    if (results[i] != expected[i])
      test_failed(__FILE__, __LINE__, "call %d: %d, not %d", (int)i, results[i], expected[i]);
  CHECK_EQUAL(counted, 0);
}

int main(int argument_count, char **arguments) {
  SKIP_UNDER_SANITIZERS("they have an allocator of their own");
  SKIP_UNDER_VALGRIND("it has an allocator of its own");
  ipc_shm_t *shm;
  if (argument_count > 1) {
    /* A process of its own, which has not used a lock before. */
    CHECK_EQUAL(ipc_shm_open_typed(&shm, arguments[1], &shared_type, 0, 0), IPC_OPENED);
    Shared *shared = ipc_shm_data(shm);
    int results[sizeof expected / sizeof expected[0]];
    use(shared, results);
    check(results);
    pthread_t thread;
    void *found;
    CHECK_EQUAL(pthread_create(&thread, NULL, in_thread, shared), 0);
    CHECK_EQUAL(pthread_join(thread, &found), 0);
    check(found);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
    return 0;
  }
  const char *name = unique_name("allocation");
  CHECK_EQUAL(
    ipc_shm_open_typed_init(&shm, name, &shared_type, IPC_CREATE, 0600, initialise, NULL),
    IPC_CREATED);
  /* Shows that the counting works. */
  counting = 1;
  ipc_shm_t *other;
  CHECK_EQUAL(ipc_shm_open_typed(&other, name, &shared_type, 0, 0), IPC_OPENED);
  counting = 0;
  CHECK(counted > 0);
  CHECK_EQUAL(ipc_shm_close(other), 0);

  Shared *shared = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_mutex_lock(&shared->held, 0), 0);
  pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", arguments[0], name, (char *)NULL);
    _exit(1);
  }
  FINISH(child);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->held), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
