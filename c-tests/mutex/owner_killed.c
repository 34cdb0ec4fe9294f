/* A process is killed while it holds a mutex. The next locker learns of the death and repairs the data, and the mutex
 * keeps working. */
#include "test.h"

typedef struct {
  ipc_mutex_t mutex;
  int halves[2];
} Shared;

static const ipc_type_t shared_type = IPC_TYPE_FIELDS(Shared, 1, mutex, halves);

static int initialise(void *data, void *context) {
  (void)context;
  return ipc_mutex_init(&((Shared *)data)->mutex, NULL);
}

/* Stops in the middle of its change, while it holds the lock. */
static void victim(void *name) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &shared_type, 0, 0), IPC_OPENED);
  Shared *shared = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  shared->halves[0]++;
  raise(SIGSTOP);
}

int main(void) {
  const char *name = unique_name("mutex");
  ipc_shm_t *shm;
  CHECK_EQUAL(
    ipc_shm_open_typed_init(
      &shm, name, &shared_type, IPC_CREATE | IPC_EXCLUSIVE, 0600, initialise, NULL),
    IPC_CREATED);
  Shared *shared = ipc_shm_data(shm);

  pid_t child = start(victim, (void *)name);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));

  /* A stopped process is not dead: it keeps the lock. */
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 10 * MILLISECOND), -ETIMEDOUT);
  KILL(child);

  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, PATIENCE), IPC_OWNER_DIED);
  CHECK_EQUAL(shared->halves[0], 1);
  CHECK_EQUAL(shared->halves[1], 0);
  shared->halves[1]++;
  CHECK_EQUAL(ipc_mutex_consistent(&shared->mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);

  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
