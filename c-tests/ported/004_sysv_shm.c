/* Ports the shared memory example of document 004: a private segment, attached, written, detached and removed. This
 * program also reads the data back, which the original does not.
 *
 * By hand: ./004_sysv_shm
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check(int result) {
  if (result < 0) {
    fprintf(stderr, "%s\n", ipc_last_error());
    exit(1);
  }
  return result;
}

int main(void) {
  ipc_sysv_shm_t *shm;
  check(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, 1024, IPC_CREATE, 0666));
  char *data = ipc_sysv_shm_data(shm);
  strcpy(data, "Shared Data");
  printf("%s\n", data);
  check(ipc_sysv_shm_remove(shm));
  check(ipc_sysv_shm_close(shm));
  return 0;
}
