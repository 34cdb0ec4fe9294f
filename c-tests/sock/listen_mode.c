/* The socket has exactly the requested permissions, whatever the umask, which stays unchanged. */
#include "sock.h"

int main(void) {
  static const mode_t masks[] = {0, 022, 077, 0777};
  static const mode_t modes[] = {0600, 0660, 0666, 0777, 0200};
  const char *path = unique_path("sock");
  for (int mask = 0; mask < 4; mask++) {
    for (int mode = 0; mode < 5; mode++) {
      umask(masks[mask]);
      int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, modes[mode]);
      CHECK(listener >= 0);
      CHECK_EQUAL(mode_of(path), modes[mode]);
      CHECK_EQUAL(umask(0), masks[mask]);
      CHECK_EQUAL(ipc_sock_unlink(path), 0);
      close(listener);
    }
  }
  CHECK_FAILS(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 01600), -EINVAL, "mode 0o1600");
  CHECK_EQUAL(access(path, F_OK), -1);
  return 0;
}
