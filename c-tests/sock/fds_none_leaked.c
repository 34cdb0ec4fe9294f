/* Received descriptors are never leaked: not if there are more than the caller has room for, not if the table becomes
 * full during the receive, and not if the caller did not ask for them. */
#include "sock.h"
#include <sys/resource.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

static void exchange(int type) {
  int ends[2], fds[IPC_SOCK_FDS_MAX];
  char buffer[64];
  size_t count = 77;
  CHECK_EQUAL(ipc_sock_pair(&ends[0], &ends[1], type, 0), 0);
  for (int i = 0; i < IPC_SOCK_FDS_MAX; i++) fds[i] = ends[0];
  int before = open_descriptors();

  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "many", 4, fds, 100, 0), 4);
  int received[IPC_SOCK_FDS_MAX] = {77};
  CHECK_FAILS(
    ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, received, 99, &count, 0), -ENOBUFS,
    "100 descriptors came, there is room for 99");
  CHECK_EQUAL(received[0], 77);
  CHECK_EQUAL(count, 77);
  CHECK_EQUAL(open_descriptors(), before);

  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "many", 4, fds, 5, 0), 4);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, NULL, 0, &count, 0), -ENOBUFS);
  CHECK_EQUAL(open_descriptors(), before);

  /* A plain receive, which does not ask for descriptors. */
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "many", 4, fds, 5, 0), 4);
  CHECK_EQUAL(ipc_sock_recv(ends[1], buffer, sizeof buffer, 0), 4);
  CHECK_EQUAL(open_descriptors(), before);

  /* A message that is too large stays in the socket with its descriptors. */
  if (type != IPC_SOCK_STREAM) {
    CHECK_EQUAL(ipc_sock_send_fds(ends[0], "many", 4, fds, 5, 0), 4);
    CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, 3, received, 5, &count, 0), -EMSGSIZE);
    CHECK_EQUAL(open_descriptors(), before);
    CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, 4, received, 5, &count, 0), 4);
    CHECK_EQUAL(count, 5);
    for (int i = 0; i < 5; i++) close(received[i]);
  }

  /* The table becomes full in the middle. Valgrind does not pass this limit on to the kernel. */
  struct rlimit limit, small;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (int room = 0; room < 3 && !is_under_valgrind(); room++) {
    CHECK_EQUAL(ipc_sock_send_fds(ends[0], "many", 4, fds, 3, 0), 4);
    int next = dup(ends[0]);
    close(next);
    small = limit;
    small.rlim_cur = (rlim_t)(next + room);
    CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
    ssize_t result = ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, received, 3, &count, 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_FAILS(result, -EMFILE, "RLIMIT_NOFILE");
    CHECK_EQUAL(open_descriptors(), before);
  }
  /* The socket still works. */
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "some", 4, fds, 3, 0), 4);
  CHECK_EQUAL(ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, received, 3, &count, 0), 4);
  CHECK_EQUAL(count, 3);
  for (int i = 0; i < 3; i++) close(received[i]);

  /* If the socket is set to receive credentials and the sender's pidfd, there is room for both, and nothing is
   * leaked. */
  int on = 1;
  CHECK(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  setsockopt(ends[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on);
  CHECK_EQUAL(ipc_sock_send_fds(ends[0], "all", 3, fds, IPC_SOCK_FDS_MAX, 0), 3);
  CHECK_EQUAL(
    ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, received, IPC_SOCK_FDS_MAX, &count, 0), 3);
  CHECK_EQUAL(count, IPC_SOCK_FDS_MAX);
  for (int i = 0; i < IPC_SOCK_FDS_MAX; i++) close(received[i]);
  CHECK_EQUAL(open_descriptors(), before);

  CHECK_FAILS(
    ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, NULL, 1, &count, 0), -EINVAL, "fds is NULL");
  CHECK_FAILS(
    ipc_sock_recv_fds(ends[1], buffer, sizeof buffer, fds, 1, NULL, 0), -EINVAL, "fds_count is NULL");
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  exchange(IPC_SOCK_STREAM);
  exchange(IPC_SOCK_DATAGRAM);
  exchange(IPC_SOCK_SEQPACKET);
  return 0;
}
