/* Ports the program of "POSIX Shared Memory" of document 002: the child writes into shared memory, the parent
 * waits for it and prints.
 *
 * By hand: ./002_posix_shm; an argument names another object than /myshm.
 */
#include <robustipc.h>
#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

static void require(bool fulfilled, const char *what) {
  if (fulfilled) return;
  std::fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  std::exit(1);
}

int main(int argc, char **argv) {
  const char *shm_name = argc > 1 ? argv[1] : "/myshm";
  const size_t SIZE = 4096;

  ipc_shm_t *shm;
  require(ipc_shm_open(&shm, shm_name, SIZE, IPC_CREATE, 0666) >= 0, "open");
  char *text = static_cast<char *>(ipc_shm_data(shm));

  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    std::snprintf(text, SIZE, "Hello from child process!");
    return 0;
  }
  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "the child");
  std::printf("Parent read: %s\n", text);
  require(ipc_shm_close(shm) == 0, "close");
  require(ipc_shm_unlink(shm_name) == 0, "unlink");
  return 0;
}
