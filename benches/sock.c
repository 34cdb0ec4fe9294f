/* ipc_sock_send and ipc_sock_recv compared with plain send and recv, in one thread on one pair, in alternating rounds.
 * Prints nanoseconds for a send and a receive (the median round), and the bare calls' share of the library's time: 1.00
 * is as fast. The sends are the same system call. Before a receive the library asks for the next message's length (on a
 * stream: whether the socket is a stream), because a message that is larger than the buffer has to stay in the socket,
 * and recv alone would cut it off. That one system call is the difference. The third time is plain recv after that
 * system call.
 *
 *   sock [ROUNDS]
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { TIMES = 200, ROUNDS_MAX = 10000 };

static char buffer[65536];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double plain(const int *ends, size_t size) {
  double start = now();
  for (int i = 0; i < TIMES; i++)
    if (send(ends[0], buffer, size, MSG_NOSIGNAL) < 0 || recv(ends[1], buffer, sizeof buffer, 0) < 0) exit(1);
  return (now() - start) / TIMES;
}

static double asked(const int *ends, size_t size) {
  double start = now();
  for (int i = 0; i < TIMES; i++) {
    int waiting;
    if (
      send(ends[0], buffer, size, MSG_NOSIGNAL) < 0 || ioctl(ends[1], FIONREAD, &waiting) < 0 || waiting <= 0
      || recv(ends[1], buffer, sizeof buffer, 0) < 0)
      exit(1);
  }
  return (now() - start) / TIMES;
}

static double ours(const int *ends, size_t size) {
  double start = now();
  for (int i = 0; i < TIMES; i++)
    if (
      ipc_sock_send(ends[0], buffer, size, IPC_FOREVER) < 0
      || ipc_sock_recv(ends[1], buffer, sizeof buffer, IPC_FOREVER) < 0)
      exit(1);
  return (now() - start) / TIMES;
}

static int ascending(const void *first, const void *second) {
  double difference = *(const double *)first - *(const double *)second;
  return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments) {
  static const char *const names[] = {"stream", "datagram", "seqpacket"};
  static const size_t sizes[] = {64, 4096, 65536};
  static double plains[ROUNDS_MAX], askeds[ROUNDS_MAX], library[ROUNDS_MAX];
  int rounds = count > 1 ? atoi(arguments[1]) : 1001;
  if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
  printf(
    "%-10s %8s %12s %12s %12s %14s %14s\n", "type", "bytes", "plain ns", "asked ns", "library ns",
    "plain/library", "asked/library");
  for (int type = IPC_SOCK_STREAM; type <= IPC_SOCK_SEQPACKET; type++) {
    for (int size = 0; size < 3; size++) {
      int ends[2];
      if (ipc_sock_pair(&ends[0], &ends[1], type, 0) < 0) return 1;
      for (int round = 0; round < rounds; round++) {
        plains[round] = plain(ends, sizes[size]);
        askeds[round] = asked(ends, sizes[size]);
        library[round] = ours(ends, sizes[size]);
      }
      qsort(plains, (size_t)rounds, sizeof plains[0], ascending);
      qsort(askeds, (size_t)rounds, sizeof askeds[0], ascending);
      qsort(library, (size_t)rounds, sizeof library[0], ascending);
      double bare = plains[rounds / 2], floor = askeds[rounds / 2], own = library[rounds / 2];
      printf(
        "%-10s %8zu %12.0f %12.0f %12.0f %14.3f %14.3f\n", names[type - 1], sizes[size], bare, floor, own,
        bare / own, floor / own);
    }
  }
  return 0;
}
