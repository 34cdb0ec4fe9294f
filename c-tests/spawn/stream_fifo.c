/* A stream that names a FIFO is refused: the opening of a FIFO waits for a peer, and a spawn has no deadline. A link to a
 * FIFO is refused too, and nothing that waits for the FIFO notices. */
#include "streams.h"

#include <sys/stat.h>

int main(void) {
  const char *fifo = test_path("fifo"), *link = test_path("link");
  CHECK(mkfifo(fifo, 0600) == 0 && symlink(fifo, link) == 0);
  const char *const argv[] = { "/bin/cat", NULL };
  for (int i = 0; i < 2; i++) {
    ipc_child_t *child = NULL;
    ipc_stream_t file = { .kind = IPC_STREAM_FILE, .path = i ? link : fifo };
    ipc_stream_t append = { .kind = IPC_STREAM_APPEND, .path = i ? link : fifo };
    CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &(ipc_spawn_attr_t){ .input = file }), -EINVAL, "is a FIFO");
    CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &(ipc_spawn_attr_t){ .output = file }), -EINVAL, "is a FIFO");
    CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &(ipc_spawn_attr_t){ .error = append }), -EINVAL, "is a FIFO");
    CHECK(child == NULL);
  }
  CHECK(unlink(fifo) == 0 && unlink(link) == 0);
  return 0;
}
