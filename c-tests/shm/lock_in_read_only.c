/* Locks in memory that was opened read-only: every call that has to write gets -EACCES, and does not fault. The calls that
 * only read work. In writable memory, and in memory that is mapped where the other was, everything works. */
#include "test.h"

typedef struct {
  ipc_mutex_t mutex;
  ipc_cond_t cond;
  ipc_sem_t sem;
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
  ipc_once_t once;
  ipc_event_t event;
} All;

static void never(void *unused) {
  (void)unused;
  abort();
}

#define REFUSED(call) CHECK_FAILS((call), -EACCES, "read-only")

static void check_refused(All *all) {
  ipc_mutex_t own;
  unsigned number;
  CHECK_EQUAL(ipc_mutex_init(&own, NULL), 0);
  REFUSED(ipc_mutex_init(&all->mutex, NULL));
  REFUSED(ipc_mutex_lock(&all->mutex, 0));
  REFUSED(ipc_mutex_lock(&all->mutex, IPC_FOREVER));
  REFUSED(ipc_mutex_unlock(&all->mutex));
  REFUSED(ipc_mutex_consistent(&all->mutex));
  REFUSED(ipc_mutex_destroy(&all->mutex));
  REFUSED(ipc_cond_init(&all->cond));
  CHECK_EQUAL(ipc_mutex_lock(&own, 0), 0);
  REFUSED(ipc_cond_wait(&all->cond, &own, 0));
  CHECK_EQUAL(ipc_mutex_unlock(&own), 0);
  REFUSED(ipc_cond_wait(&all->cond, &all->mutex, 0));
  REFUSED(ipc_cond_signal(&all->cond));
  REFUSED(ipc_cond_broadcast(&all->cond));
  REFUSED(ipc_cond_destroy(&all->cond));
  REFUSED(ipc_sem_init(&all->sem, 1));
  REFUSED(ipc_sem_wait(&all->sem, 0));
  REFUSED(ipc_sem_post(&all->sem));
  REFUSED(ipc_sem_destroy(&all->sem));
  REFUSED(ipc_rwlock_init(&all->rwlock));
  REFUSED(ipc_rwlock_read_lock(&all->rwlock, 0));
  REFUSED(ipc_rwlock_write_lock(&all->rwlock, 0));
  REFUSED(ipc_rwlock_unlock(&all->rwlock));
  REFUSED(ipc_rwlock_consistent(&all->rwlock));
  REFUSED(ipc_rwlock_destroy(&all->rwlock));
  REFUSED(ipc_permits_init(&all->permits, 2));
  REFUSED(ipc_permits_take(&all->permits, &number, 0));
  REFUSED(ipc_permits_give(&all->permits, 0));
  REFUSED(ipc_permits_destroy(&all->permits));
  REFUSED(ipc_barrier_init(&all->barrier, 1));
  REFUSED(ipc_barrier_join(&all->barrier));
  REFUSED(ipc_barrier_wait(&all->barrier, 0));
  REFUSED(ipc_barrier_leave(&all->barrier));
  REFUSED(ipc_barrier_reset(&all->barrier));
  REFUSED(ipc_barrier_destroy(&all->barrier));
  REFUSED(ipc_once(&all->once, never, NULL, 0));
  REFUSED(ipc_event_init(&all->event, 0));
  REFUSED(ipc_event_set(&all->event));
  REFUSED(ipc_event_reset(&all->event));
  REFUSED(ipc_event_wait(&all->event, 0));
  REFUSED(ipc_event_destroy(&all->event));
  /* These only read. */
  CHECK_EQUAL(ipc_sem_value(&all->sem, &number), 0);
  CHECK_EQUAL(number, 1);
  CHECK_EQUAL(ipc_permits_free(&all->permits, &number), 0);
  CHECK_EQUAL(number, 2);
  CHECK_EQUAL(ipc_event_is_set(&all->event), 1);
}

static void init_all(All *all) {
  CHECK_EQUAL(ipc_mutex_init(&all->mutex, NULL), 0);
  CHECK_EQUAL(ipc_cond_init(&all->cond), 0);
  CHECK_EQUAL(ipc_sem_init(&all->sem, 1), 0);
  CHECK_EQUAL(ipc_rwlock_init(&all->rwlock), 0);
  CHECK_EQUAL(ipc_permits_init(&all->permits, 2), 0);
  CHECK_EQUAL(ipc_barrier_init(&all->barrier, 1), 0);
  CHECK_EQUAL(ipc_event_init(&all->event, IPC_EVENT_SET), 0);
}

int main(void) {
  const char *name = unique_name("read-only-locks");
  ipc_shm_t *shm, *reader;
  CHECK_EQUAL(ipc_shm_open(&shm, name, sizeof(All), IPC_CREATE, 0600), IPC_CREATED);
  All *all = ipc_shm_data(shm);
  init_all(all);
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(ipc_shm_open(&reader, name, sizeof(All), IPC_READ_ONLY, 0), IPC_OPENED);
    All *shown = ipc_shm_data(reader);
    check_refused(shown);
    CHECK_EQUAL(ipc_mutex_lock(&all->mutex, 0), 0);
    REFUSED(ipc_mutex_unlock(&shown->mutex));
    CHECK_EQUAL(ipc_mutex_unlock(&all->mutex), 0);
    CHECK_EQUAL(ipc_sem_wait(&all->sem, 0), 0);
    CHECK_EQUAL(ipc_sem_post(&all->sem), 0);
    CHECK_EQUAL(ipc_shm_close(reader), 0);
    /* Writable memory at the same address. */
    void *memory = mmap(shown, sizeof(All), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (memory != shown) SKIP("the address is taken");
    init_all(memory);
    CHECK_EQUAL(ipc_mutex_lock(&shown->mutex, 0), 0);
    CHECK_EQUAL(ipc_mutex_unlock(&shown->mutex), 0);
    CHECK_EQUAL(munmap(memory, sizeof(All)), 0);
  }
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  /* Memory from a descriptor. */
  static const ipc_type_t type = IPC_TYPE(All, 1);
  CHECK_EQUAL(ipc_shm_sealed(&shm, &type), 0);
  init_all(ipc_shm_data(shm));
  CHECK_EQUAL(ipc_shm_from_fd(&reader, ipc_shm_fd(shm), &type, IPC_READ_ONLY), 0);
  check_refused(ipc_shm_data(reader));
  CHECK_EQUAL(ipc_shm_close(reader), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
