/* Descriptors travel with a message: 1 to 253, for the same open file, close-on-exec, even if their sender has been
 * killed meanwhile. */
#include "sock.h"

static int ends[2];
static const char *path;

static void sender(void *unused) {
  (void)unused;
  int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(file >= 0);
  CHECK(write(file, "hello", 5) == 5);
  CHECK(lseek(file, 1, SEEK_SET) == 1);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "file", 4, &file, 1, 0), 4);
  close(file);
  raise(SIGSTOP);
}

static void exchange(int type) {
  char buffer[16];
  int fds[IPC_SOCK_FDS_MAX + 1];
  size_t count = 77;
  int before = open_descriptors();
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, 0), 0);

  pid_t child = start(sender, NULL);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  KILL(child);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, fds, 1, &count, 0), 4);
  CHECK_EQUAL(count, 1);
  CHECK(is_close_on_exec(fds[0]));
  /* The open file is the same, so its position is shared too. */
  CHECK(read(fds[0], buffer, sizeof buffer) == 4 && memcmp(buffer, "ello", 4) == 0);
  close(fds[0]);
  CHECK(unlink(path) == 0);

  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < IPC_SOCK_FDS_MAX + 1; i++) fds[i] = null;
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "many", 4, fds, IPC_SOCK_FDS_MAX, 0), 4);
  CHECK_FAILS(
    ipc_sock_send_fds(ends[0], "many", 4, fds, IPC_SOCK_FDS_MAX + 1, 0), -EINVAL, "1 to 253");
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "none", 4, fds, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "none", 4, fds, SIZE_MAX, 0), -EINVAL);
  CHECK_FAILS(ipc_sock_send_fds(ends[0], "", 0, fds, 1, 0), -EINVAL, "at least one byte");
  fds[1] = -1;
  CHECK_FAILS(ipc_sock_send_fds(ends[0], "bad", 3, fds, 2, 0), -EBADF, "one of the 2 descriptors");
  CHECK_EQUAL(
    ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, fds, IPC_SOCK_FDS_MAX, &count, 0), 4);
  CHECK_EQUAL(count, IPC_SOCK_FDS_MAX);
  for (int i = 0; i < IPC_SOCK_FDS_MAX; i++) {
    CHECK(is_close_on_exec(fds[i]));
    CHECK(close(fds[i]) == 0);
  }
  /* Nothing of the refused messages was sent. */
  CHECK_EQUAL(ipc_sock_recv(ends[1], buffer, sizeof buffer, 0), -EAGAIN);

  CHECK_EQUAL(ipc_sock_send(ends[0], "plain", 5, 0), 5);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, NULL, 0, &count, 0), 5);
  CHECK_EQUAL(count, 0);

  /* Messages keep their own descriptors, in order. On a stream, the bytes before the descriptors arrive first. */
  CHECK_EQUAL(ipc_sock_send(ends[0], "a", 1, 0), 1);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "b", 1, &null, 1, 0), 1);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "c", 1, &null, 1, 0), 1);
  size_t bytes = 0, passed = 0;
  while (bytes < 3) {
    ssize_t received = ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, fds, 2, &count, 0);
    CHECK(received > 0);
    bytes += (size_t)received;
    passed += count;
    CHECK(count <= 1);
    if (count == 1) close(fds[0]);
  }
  CHECK_EQUAL(passed, 2);

  close(null);
  close(ends[0]);
  close(ends[1]);
  CHECK_EQUAL(open_descriptors(), before);
}

int main(void) {
  path = unique_path("file");
  exchange(IPC_SOCK_STREAM);
  exchange(IPC_SOCK_DATAGRAM);
  exchange(IPC_SOCK_SEQPACKET);
  return 0;
}
