/* Ports "POSIX Shared Memory" of document 000: a producer writes a sensor's values into a shared struct under
 * a named semaphore, a consumer reads them and removes both.
 *
 * By hand, in two terminals, the producer first:
 *   ./000_shm_sensor producer
 *   ./000_shm_sensor consumer
 * A second argument names other objects than /sensor_shm and /sensor_sem: it is put behind their names.
 *
 * The document's semaphore is libc's (sem_open); IPC_POSIX selects it, so that the other side may
 * still be the document's own program.
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  float temperature;
  float humidity;
  uint32_t sequence;
  int updated;
} SensorData;

static const ipc_type_t sensor_type =
  IPC_TYPE_FIELDS(SensorData, 1, temperature, humidity, sequence, updated);

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(1);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "", *suffix = argc > 2 ? argv[2] : "";
  char shm_name[128], sem_name[128];
  snprintf(shm_name, sizeof shm_name, "/sensor_shm%s", suffix);
  snprintf(sem_name, sizeof sem_name, "/sensor_sem%s", suffix);
  ipc_shm_t *shm;
  ipc_sem_t *sem;

  if (strcmp(mode, "producer") == 0) {
    require(ipc_shm_open_typed(&shm, shm_name, &sensor_type, IPC_CREATE, 0644) >= 0, "shm");
    require(ipc_sem_open(&sem, sem_name, 1, IPC_CREATE | IPC_POSIX, 0644) >= 0, "semaphore");
    SensorData *data = ipc_shm_data(shm);
    require(ipc_sem_wait(sem, IPC_FOREVER) == 0, "wait");
    data->temperature = 23.5f;
    data->humidity = 65.0f;
    data->sequence++;
    data->updated = 1;
    require(ipc_sem_post(sem) == 0, "post");
  } else if (strcmp(mode, "consumer") == 0) {
    require(ipc_shm_open_typed(&shm, shm_name, &sensor_type, IPC_READ_ONLY, 0) == IPC_OPENED, "shm");
    require(ipc_sem_open(&sem, sem_name, 0, IPC_POSIX, 0) == IPC_OPENED, "semaphore");
    const SensorData *data = ipc_shm_data(shm);
    require(ipc_sem_wait(sem, IPC_FOREVER) == 0, "wait");
    float t = data->temperature, h = data->humidity;
    require(ipc_sem_post(sem) == 0, "post");
    printf("Temp=%.1f°C  Humidity=%.1f%%\n", (double)t, (double)h);
    require(ipc_shm_unlink(shm_name) == 0, "unlink shm");
    require(ipc_sem_unlink_posix(sem_name) == 0, "unlink semaphore");
  } else {
    fprintf(stderr, "usage: %s producer|consumer [SUFFIX]\n", argv[0]);
    return 2;
  }
  require(ipc_sem_close(sem) == 0, "close semaphore");
  require(ipc_shm_close(shm) == 0, "close shm");
  return 0;
}
