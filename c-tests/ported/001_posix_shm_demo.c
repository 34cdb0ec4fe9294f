/* Ports posix_shm_demo of document 001: two cooperating processes share a struct. The writer makes it, the
 * reader prints and removes it.
 *
 * By hand, in two terminals:
 *   ./001_posix_shm_demo write
 *   ./001_posix_shm_demo read
 * A second argument names another object than /demo_shared_mem.
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shared_data {
  int counter;
  char message[64];
};

static const ipc_type_t shared_type = IPC_TYPE_FIELDS(struct shared_data, 1, counter, message);

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main(int argc, char *argv[]) {
  if (argc < 2) {
    fprintf(stderr, "Usage: %s [write|read]\n", argv[0]);
    exit(EXIT_FAILURE);
  }
  const char *name = argc > 2 ? argv[2] : "/demo_shared_mem";
  ipc_shm_t *shm;

  if (strcmp(argv[1], "write") == 0) {
    require(ipc_shm_open_typed(&shm, name, &shared_type, IPC_CREATE, 0644) >= 0, "open");
    struct shared_data *shared = ipc_shm_data(shm);
    shared->counter = 42;
    strcpy(shared->message, "Hello from writer process!");
    printf("[Writer] Wrote counter=%d, message=\"%s\"\n", shared->counter, shared->message);
    require(ipc_shm_close(shm) == 0, "close");
  } else if (strcmp(argv[1], "read") == 0) {
    require(ipc_shm_open_typed(&shm, name, &shared_type, IPC_READ_ONLY, 0) == IPC_OPENED, "open");
    const struct shared_data *shared = ipc_shm_data(shm);
    printf("[Reader] Read counter=%d, message=\"%s\"\n", shared->counter, shared->message);
    require(ipc_shm_close(shm) == 0, "close");
    require(ipc_shm_unlink(name) == 0, "unlink");
  }
  return 0;
}
