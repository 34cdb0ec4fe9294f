// Ports "System V IPC (Legacy)" of document 002 (ipc-sysv-shm): a segment found by ftok's key; the
// child writes into it, the parent waits and reads.
//
// By hand: ./002_sysv_shm
//   Parent read: Hello from child (System V)!
//
// Unlike the original: every result is checked. A segment that a killed run left behind is used again.
// If its size differs, it is refused, and so it is never overrun.
#include <robustipc.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

static int check(int result) {
  if (result < 0) {
    std::fprintf(stderr, "%s\n", ipc_last_error());
    std::exit(1);
  }
  return result;
}

int main() {
  key_t key;
  check(ipc_sysv_key(&key, "/tmp", 'A'));
  ipc_sysv_shm_t *shm;
  check(ipc_sysv_shm_open(&shm, key, 4096, IPC_CREATE, 0666));
  char *data = static_cast<char *>(ipc_sysv_shm_data(shm));

  pid_t child = fork();
  if (child < 0) {
    std::perror("fork");
    return 1;
  }
  if (child == 0) {
    // Child: write to shared memory
    std::strcpy(data, "Hello from child (System V)!");
    check(ipc_sysv_shm_close(shm));
    return 0;
  }
  // Parent: wait and read
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) {
    std::fprintf(stderr, "the child failed\n");
    return 1;
  }
  std::printf("Parent read: %s\n", data);
  check(ipc_sysv_shm_remove(shm));
  check(ipc_sysv_shm_close(shm));
  return 0;
}
