/* A struct that two programs share. A process that is killed while it holds the lock does not stop the others: the next one is
 * told, repairs the data, and goes on. */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  ipc_mutex_t mutex;
  int32_t count; /* of the readings in sum */
  double sum;
} Sensor;

/* Both programs describe the struct. If the descriptions differ, opening fails with -EPROTO. */
static const ipc_type_t sensor_type = IPC_TYPE_FIELDS(Sensor, 1, mutex, count, sum);

static void check(int result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

/* Runs in the process that creates the region, before any other process sees it. */
static int init(void *data, void *context) {
  (void)context;
  return ipc_mutex_init(&((Sensor *)data)->mutex, NULL);
}

static void add(Sensor *sensor, double reading) {
  int result = ipc_mutex_lock(&sensor->mutex, IPC_FOREVER);
  check(result);
  if (result == IPC_OWNER_DIED) {
    /* The dead process may have changed one of the two. */
    printf("a process died in the middle of a change: starting from 0\n");
    sensor->count = 0;
    sensor->sum = 0;
    check(ipc_mutex_consistent(&sensor->mutex));
  }
  sensor->count++;
  sensor->sum += reading;
  check(ipc_mutex_unlock(&sensor->mutex));
}

int main(void) {
  ipc_shm_t *region;
  check(ipc_shm_open_typed_init(&region, "/example-sensor", &sensor_type, IPC_CREATE, 0600, init, NULL));
  Sensor *sensor = ipc_shm_data(region);
  add(sensor, 20.5);

  pid_t child = fork();
  if (child == 0) {
    check(ipc_mutex_lock(&sensor->mutex, IPC_FOREVER));
    sensor->count++;
    raise(SIGKILL); /* before the sum is changed */
  }
  waitpid(child, NULL, 0);

  add(sensor, 21.5);
  printf("%d reading, average %.1f\n", sensor->count, sensor->sum / sensor->count);
  check(ipc_shm_close(region));
  check(ipc_shm_unlink("/example-sensor"));
}
