/* Objects for two users. A group shares the first object through its mode. The second one is refused if anybody else made it, so a
 * stranger who takes the name first gains nothing. */
#include <errno.h>
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  int32_t level;
} Tank;
static const ipc_type_t tank_type = IPC_TYPE_FIELDS(Tank, 1, level);

static void check(int result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

int main(void) {
  /* The mode is exact, whatever the umask: the owner writes, the group reads. */
  ipc_shm_t *tank;
  check(ipc_shm_open_typed(&tank, "/example-tank", &tank_type, IPC_CREATE, 0640));
  ((Tank *)ipc_shm_data(tank))->level = 75;
  ipc_shm_t *reader; /* in the group's process */
  check(ipc_shm_open_typed(&reader, "/example-tank", &tank_type, IPC_READ_ONLY, 0));
  printf("the group reads %d\n", ((const Tank *)ipc_shm_data(reader))->level);

  /* A group that may write could put anything in: a careful process refuses such an object. */
  ipc_shm_t *shared, *careful;
  check(ipc_shm_open_typed(&shared, "/example-shared", &tank_type, IPC_CREATE, 0660));
  int result = ipc_shm_open_typed(&careful, "/example-shared", &tank_type, IPC_CHECK_OWNER, 0);
  printf("with IPC_CHECK_OWNER: %s\n", ipc_strerror(result));
  check(ipc_shm_close(tank));
  check(ipc_shm_close(reader));
  check(ipc_shm_close(shared));
  check(ipc_shm_unlink("/example-tank"));
  check(ipc_shm_unlink("/example-shared"));
  return result != -EACCES;
}
