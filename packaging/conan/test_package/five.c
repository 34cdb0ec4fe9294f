#include <robustipc.h>
int main(void) {
  ipc_shm_t *shm;
  return ipc_shm_anonymous(&shm, 64) < 0 || ipc_shm_close(shm) < 0;
}
