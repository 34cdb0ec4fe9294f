/* ipcs shows and ipcrm removes the objects that the library makes; the library shows and removes those that ipcmk
 * makes. */
#include "sysv.h"

/* Whether the command's output has a line with this id as its second word. */
static int shows(const char *command, int id) {
  FILE *output = popen(command, "r");
  CHECK(output != NULL);
  char line[256];
  int found = 0, number;
  while (fgets(line, sizeof line, output) != NULL)
    if (sscanf(line, "%*s %d", &number) == 1 && number == id) found = 1;
  CHECK(pclose(output) == 0);
  return found;
}

int main(void) {
  if (system("ipcs -V >/dev/null 2>&1") != 0 || system("ipcrm -V >/dev/null 2>&1") != 0)
    SKIP("ipcs and ipcrm are not installed");
  ipc_sysv_shm_t *shm;
  ipc_sysv_msg_t *queue;
  ipc_sysv_sem_t *set;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, 1, IPC_CREATE, 0600), IPC_CREATED);
  int shm_id = remember(IPC_KIND_SYSV_SHM, ipc_sysv_shm_id(shm));
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  int msg_id = remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600), IPC_CREATED);
  int sem_id = remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
  CHECK(shows("ipcs -m", shm_id));
  CHECK(shows("ipcs -q", msg_id));
  CHECK(shows("ipcs -s", sem_id));

  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  char command[128];
  snprintf(command, sizeof command, "ipcrm -m %d -q %d -s %d", shm_id, msg_id, sem_id);
  CHECK(system(command) == 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, "", 0, 0), -EIDRM);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), -EIDRM);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SYSV_SHM, NULL, shm_id), -ENOENT);
  CHECK(!shows("ipcs -q", msg_id));
  return 0;
}
