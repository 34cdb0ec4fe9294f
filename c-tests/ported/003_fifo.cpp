/* Ports the named pipe of document 003, with the rule that the text around it states. A writer that does
 * not wait for a reader gets ENXIO; a writer that waits writes when a reader has come.
 *
 * By hand: ./003_fifo; then, in another terminal in the same directory: cat demo_fifo
 */
#include <robustipc.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

static void require(bool fulfilled, const char *what) {
  if (fulfilled) return;
  std::fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  std::exit(1);
}

int main() {
  require(ipc_fifo_create("./demo_fifo", 0, 0666) >= 0, "create");
  int fd = ipc_fifo_open("./demo_fifo", IPC_WRITE_ONLY, 0);
  require(fd == -ENXIO, "open without waiting");
  std::printf("nobody reads yet: ENXIO\n");
  std::fflush(stdout);
  fd = ipc_fifo_open("./demo_fifo", IPC_WRITE_ONLY, IPC_FOREVER);
  require(fd >= 0, "open");
  require(ipc_write_full(fd, "ping", 4, IPC_FOREVER) == 4, "write");
  std::printf("a reader has come: ping\n");
  close(fd);
  require(ipc_fifo_unlink("./demo_fifo") == 0, "unlink");
  return 0;
}
