/* Ports "Shared Memory with Synchronization" of document 002: a counter in shared memory under a mutex
 * that stands beside it. The document shows the pieces; here two processes count with them.
 *
 * By hand: ./002_shm_mutex; an argument names another object than /myshm_mutex.
 */
#include <robustipc.h>
#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

struct SharedData {
  ipc_mutex_t mutex;
  int counter;
};

static const ipc_type_t shared_type = IPC_TYPE_FIELDS(SharedData, 1, mutex, counter);

static void require(bool fulfilled, const char *what) {
  if (fulfilled) return;
  std::fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  std::exit(1);
}

/* Once, by the creator, before anybody else can see the memory. */
static int initialise(void *data, void *) { return ipc_mutex_init(&static_cast<SharedData *>(data)->mutex, nullptr); }

static void count(SharedData *data) {
  for (int i = 0; i < 100000; i++) {
    require(ipc_mutex_lock(&data->mutex, IPC_FOREVER) == 0, "lock");
    data->counter++;
    require(ipc_mutex_unlock(&data->mutex) == 0, "unlock");
  }
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "/myshm_mutex";
  ipc_shm_t *shm;
  require(
    ipc_shm_open_typed_init(&shm, name, &shared_type, IPC_CREATE, 0666, initialise, nullptr) >= 0,
    "open");
  auto *data = static_cast<SharedData *>(ipc_shm_data(shm));

  pid_t child = fork();
  require(child >= 0, "fork");
  count(data);
  if (child == 0) return 0;
  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "the child");
  std::printf("Counter: %d\n", data->counter);
  require(ipc_shm_close(shm) == 0, "close");
  require(ipc_shm_unlink(name) == 0, "unlink");
  return 0;
}
