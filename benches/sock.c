/* ipc_sock_send and ipc_sock_recv against plain send and recv, in one thread on one pair, in alternating
 * rounds. Prints nanoseconds for a send and a receive (the median round), and the plain calls' share of the library's time:
 * 1.00 is as fast.
 *
 *   sock [ROUNDS]
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { TIMES = 5000, ROUNDS_MAX = 1000 };

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
  static double plains[ROUNDS_MAX], library[ROUNDS_MAX];
  int rounds = count > 1 ? atoi(arguments[1]) : 51;
  if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
  printf("%-10s %8s %12s %12s %8s\n", "type", "bytes", "plain ns", "library ns", "ratio");
  for (int type = IPC_SOCK_STREAM; type <= IPC_SOCK_SEQPACKET; type++) {
    for (int size = 0; size < 3; size++) {
      int ends[2];
      if (ipc_sock_pair(&ends[0], &ends[1], type, 0) < 0) return 1;
      for (int round = 0; round < rounds; round++) {
        plains[round] = plain(ends, sizes[size]);
        library[round] = ours(ends, sizes[size]);
      }
      qsort(plains, (size_t)rounds, sizeof plains[0], ascending);
      qsort(library, (size_t)rounds, sizeof library[0], ascending);
      double first = plains[rounds / 2], second = library[rounds / 2];
      printf(
        "%-10s %8zu %12.0f %12.0f %8.3f\n", names[type - 1], sizes[size], first, second, first / second);
    }
  }
  return 0;
}
