/* Ports anon_mmap_ipc of document 001: parent and child share a counter without a name. The document warns that real
 * code needs a lock for it. This program has the lock.
 *
 * By hand: ./001_anon_mmap_ipc
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  ipc_mutex_t mutex;
  int counter;
} Shared;

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main(void) {
  ipc_shm_t *shm;
  require(ipc_shm_anonymous(&shm, sizeof(Shared)) == 0, "anonymous memory");
  Shared *shared = ipc_shm_data(shm);
  require(ipc_mutex_init(&shared->mutex, NULL) == 0, "mutex");

  fflush(stdout);
  pid_t pid = fork();
  require(pid >= 0, "fork");
  if (pid == 0) {
    for (int i = 0; i < 5; i++) {
      require(ipc_mutex_lock(&shared->mutex, IPC_FOREVER) == 0, "lock");
      shared->counter++;
      printf("[Child]  counter = %d\n", shared->counter);
      require(ipc_mutex_unlock(&shared->mutex) == 0, "unlock");
    }
    exit(EXIT_SUCCESS);
  }
  int status;
  require(waitpid(pid, &status, 0) == pid && status == 0, "the child");
  printf("[Parent] Final shared counter = %d\n", shared->counter);
  require(ipc_shm_close(shm) == 0, "close");
  return 0;
}
