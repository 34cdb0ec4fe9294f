// Ports the System V shared memory program of document 003: create by a fixed key, attach, write,
// print, detach, delete; and the document's rule that detaching is not deleting.
//
// By hand: ./003_sysv_shm
//   shared hello
//   after detaching: shared hello
//
// Unlike the original: an existing segment of another size is an error instead of a bad mapping. After
// detaching, the program opens the segment again to show that it still exists.
#include <robustipc.h>

#include <cstdlib>
#include <cstring>
#include <iostream>

static int check(int result) {
  if (result < 0) {
    std::cerr << ipc_last_error() << std::endl;
    std::exit(1);
  }
  return result;
}

int main() {
  ipc_sysv_shm_t *shm;
  check(ipc_sysv_shm_open(&shm, 0x1234, 1024, IPC_CREATE, 0666));  // Create and attach
  char *mem = static_cast<char *>(ipc_sysv_shm_data(shm));
  std::strcpy(mem, "shared hello");  // Write directly into shared memory
  std::cout << mem << std::endl;
  check(ipc_sysv_shm_close(shm));  // Detach: the segment stays

  check(ipc_sysv_shm_open(&shm, 0x1234, 1024, 0, 0));
  std::cout << "after detaching: " << static_cast<char *>(ipc_sysv_shm_data(shm)) << std::endl;
  check(ipc_sysv_shm_remove(shm));  // Mark for deletion
  check(ipc_sysv_shm_close(shm));
  return 0;
}
