/* Ports "Named Pipes (FIFOs)" of document 000: one program writes a sensor's value into a FIFO, another reads it. The
 * first one to start waits for the other.
 *
 * By hand, in two terminals, in either order:
 *   ./000_fifo_sensor writer
 *   ./000_fifo_sensor reader
 * A second argument names another FIFO than /tmp/sensor_fifo.
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(1);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "/tmp/sensor_fifo";
  if (strcmp(mode, "writer") == 0) {
    require(ipc_fifo_create(path, 0, 0644) >= 0, "create");
    int fd = ipc_fifo_open(path, IPC_WRITE_ONLY, IPC_FOREVER);
    require(fd >= 0, "open");
    float sensor_value = 23.5f;
    require(
      ipc_write_full(fd, &sensor_value, sizeof sensor_value, IPC_FOREVER) ==
        (ssize_t)sizeof sensor_value,
      "write");
    printf("[Writer] sensor value %.1f\n", (double)sensor_value);
    close(fd);
  } else if (strcmp(mode, "reader") == 0) {
    require(ipc_fifo_create(path, 0, 0644) >= 0, "create");
    int fd = ipc_fifo_open(path, IPC_READ_ONLY, IPC_FOREVER);
    require(fd >= 0, "open");
    float value;
    require(ipc_read_full(fd, &value, sizeof value, IPC_FOREVER) == (ssize_t)sizeof value, "read");
    printf("[Reader] sensor value %.1f\n", (double)value);
    close(fd);
    require(ipc_fifo_unlink(path) == 0, "unlink");
  } else {
    fprintf(stderr, "usage: %s writer|reader [PATH]\n", argv[0]);
    return 2;
  }
  return 0;
}
