/* ipc_write_full and ipc_read_full against the plain loops that a program would write itself, on the same pipe and the same
 * socket pair. The ratios are of times: 1.03 is 0.97 of the plain loops' throughput.
 *
 * Three ways take turns. "ours" is the library. "plain" is a loop whose write ends the program by SIGPIPE when the
 * reader is gone. "floor" is a loop of the cheapest call that cannot raise SIGPIPE. For a pipe that call is pwritev2
 * with RWF_NOSIGNAL (Linux 6.18), which takes some 50 ns more than write to read its vector. For a socket it is send
 * with MSG_NOSIGNAL, which takes less time than write. "ours / floor" is the library's own cost. "floor / plain" is the
 * kernel's price for avoiding the signal: no library can be below it.
 *
 * In "one process" one thread writes a message and reads it again, so that only the calls are measured. In "two
 * processes" one writes and one reads, each on its own processor. The number of sleeps and wake-ups then matters more
 * than the calls. Plain write and read take equally long, so with small messages on a pipe both processes keep running and
 * neither sleeps. If the writer is slightly slower, its reader overtakes it and goes to sleep. Waking the reader costs the
 * writer more than many writes. The floor has this cost too.
 */
#include "bench.h"
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100 /* <linux/fs.h> of Linux 6.18 */
#endif

enum { BYTES_MAX = 65536 };

static char bytes[BYTES_MAX];
static int ends[2];
static int is_socket;
static size_t size;
static int count;

static void plain_write(int fd, const char *buffer, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, buffer, length);
    if (written < 0) {
      REQUIRE(errno == EINTR);
      continue;
    }
    buffer += written;
    length -= (size_t)written;
  }
}

static size_t plain_read(int fd, char *buffer, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t got = read(fd, buffer + done, length - done);
    if (got == 0) break;
    if (got < 0) {
      REQUIRE(errno == EINTR);
      continue;
    }
    done += (size_t)got;
  }
  return done;
}

/* The floor. */
static ssize_t write_without_signal(int fd, const char *buffer, size_t length) {
  if (is_socket) return send(fd, buffer, length, MSG_NOSIGNAL);
  struct iovec vector = {(void *)buffer, length};
  return pwritev2(fd, &vector, 1, -1, RWF_NOSIGNAL);
}

static void floor_write(int fd, const char *buffer, size_t length) {
  while (length > 0) {
    ssize_t written = write_without_signal(fd, buffer, length);
    if (written < 0) {
      REQUIRE(errno == EINTR);
      continue;
    }
    buffer += written;
    length -= (size_t)written;
  }
}

static void our_write(int fd, const char *buffer, size_t length) {
  REQUIRE(ipc_write_full(fd, buffer, length, IPC_FOREVER) == (ssize_t)length);
}

static size_t our_read(int fd, char *buffer, size_t length) {
  ssize_t got = ipc_read_full(fd, buffer, length, IPC_FOREVER);
  REQUIRE(got >= 0);
  return (size_t)got;
}

typedef void (*write_t)(int, const char *, size_t);
typedef size_t (*read_t)(int, char *, size_t);

static double one_process(write_t write_all, read_t read_all) {
  double begun = bench_now_ns();
  for (int i = 0; i < count; i++) {
    write_all(ends[1], bytes, size);
    REQUIRE(read_all(ends[0], bytes, size) == size);
  }
  return (bench_now_ns() - begun) / count;
}

/* The parent writes `count` messages and waits for one byte back: the child has read them all. */
static double two_processes(write_t write_all, read_t read_all) {
  int back[2];
  REQUIRE(pipe(back) == 0);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bench_pin(1);
    REQUIRE(write(back[1], "b", 1) == 1);
    for (int i = 0; i < count; i++) REQUIRE(read_all(ends[0], bytes, size) == size);
    REQUIRE(write(back[1], "e", 1) == 1);
    _exit(0);
  }
  char byte;
  REQUIRE(read(back[0], &byte, 1) == 1);
  double begun = bench_now_ns();
  for (int i = 0; i < count; i++) write_all(ends[1], bytes, size);
  REQUIRE(read(back[0], &byte, 1) == 1);
  double took = bench_now_ns() - begun;
  REQUIRE(waitpid(child, NULL, 0) == child);
  close(back[0]);
  close(back[1]);
  return took / count;
}

enum { OURS, PLAIN, FLOOR, WAYS };

static const struct {
  write_t write_all;
  read_t read_all;
} ways[WAYS] = {{our_write, our_read}, {plain_write, plain_read}, {floor_write, plain_read}};

typedef double (*measure_t)(write_t, read_t);

/* Each round begins with another way and has its own ratios: see bench.h. */
static void row(const char *where, measure_t measure, int has_floor) {
  double times[WAYS][BENCH_ROUNDS], to_plain[BENCH_ROUNDS], floor_to_plain[BENCH_ROUNDS], to_floor[BENCH_ROUNDS];
  for (int round = -1; round < BENCH_ROUNDS; round++) { /* the first one warms up */
    double took[WAYS] = {0, 0, 0};
    for (int step = 0; step < WAYS; step++) {
      int way = (step + round + WAYS) % WAYS;
      if (way != FLOOR || has_floor) took[way] = measure(ways[way].write_all, ways[way].read_all);
    }
    if (round < 0) continue;
    for (int way = 0; way < WAYS; way++) times[way][round] = took[way];
    to_plain[round] = took[OURS] / took[PLAIN];
    floor_to_plain[round] = took[FLOOR] / took[PLAIN];
    to_floor[round] = took[OURS] / took[FLOOR];
  }
  printf(
    "%-6s %6zu bytes, %-13s %9.1f ns %9.1f ns", is_socket ? "socket" : "pipe", size, where,
    bench_median(times[OURS], BENCH_ROUNDS), bench_median(times[PLAIN], BENCH_ROUNDS));
  if (has_floor)
    printf(
      " %9.1f ns %10.2f %12.2f %10.2f\n", bench_median(times[FLOOR], BENCH_ROUNDS),
      bench_median(to_plain, BENCH_ROUNDS), bench_median(floor_to_plain, BENCH_ROUNDS),
      bench_median(to_floor, BENCH_ROUNDS));
  else
    printf(" %9s    %10.2f %12s %10s\n", "-", bench_median(to_plain, BENCH_ROUNDS), "-", "-");
  fflush(stdout);
}

/* An older kernel has no such call. The library then blocks SIGPIPE around each write, and there is no floor. */
static int kernel_has_floor(void) {
  if (is_socket) return 1;
  int pair[2];
  char byte;
  REQUIRE(pipe(pair) == 0);
  int has_floor = write_without_signal(pair[1], "f", 1) == 1 && read(pair[0], &byte, 1) == 1;
  close(pair[0]);
  close(pair[1]);
  return has_floor;
}

int main(void) {
  static const size_t sizes[] = {64, 512, 4096, 16384, 65536};
  bench_pin(0);
  printf(
    "%-35s %9s    %9s    %9s %13s %12s %10s\n", "write + read", "ours", "plain", "floor", "ours/plain",
    "floor/plain", "ours/floor");
  for (is_socket = 0; is_socket < 2; is_socket++) {
    int has_floor = kernel_has_floor();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      size = sizes[i];
      REQUIRE((is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
      count = size <= 4096 ? 1000 : 100;
      row("one process", one_process, has_floor);
      count = size <= 4096 ? 10000 : 1000;
      row("two processes", two_processes, has_floor);
      close(ends[0]);
      close(ends[1]);
    }
  }
  return 0;
}
