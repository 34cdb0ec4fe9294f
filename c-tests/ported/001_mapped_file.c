/* Shows "Memory-Mapped Files" of document 001's list of shared memory: a counter in a file, which
 * outlives the processes that count.
 *
 * By hand: ./001_mapped_file FILE, as often as you like; each run counts one up.
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  unsigned runs;
} Counter;

static const ipc_type_t counter_type = IPC_TYPE_FIELDS(Counter, 1, runs);

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main(int argc, char *argv[]) {
  const char *path = argc > 1 ? argv[1] : "robustipc-counter";
  ipc_shm_t *shm;
  int result = ipc_shm_open_file(&shm, path, &counter_type, IPC_CREATE, 0644);
  require(result >= 0, "open");
  Counter *counter = ipc_shm_data(shm);
  counter->runs++;
  printf("%s, run %u\n", result == IPC_CREATED ? "created" : "opened", counter->runs);
  require(ipc_shm_sync(shm) == 0, "write to disk");
  require(ipc_shm_close(shm) == 0, "close");
  return 0;
}
