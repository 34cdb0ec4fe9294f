/* ipc_write_full and ipc_read_full against the plain loops that a program would write itself, on the same pipe and the same
 * socket pair. The ratio is of times: 1.03 is 0.97 of the plain loops' throughput.
 *
 * "one process": a message is written and read again by the same thread, so that nothing but the calls is
 * measured. "two processes": one writes, one reads, each on its processor, and how often they put each other
 * to sleep weighs more than the calls do: with small messages a row may fall on either side by
 * chance.
 */
#include "bench.h"
#include <sys/socket.h>

enum { BYTES_MAX = 65536 };

static char bytes[BYTES_MAX];
static int ends[2];
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

static double ours_alone(void) { return one_process(our_write, our_read); }
static double plain_alone(void) { return one_process(plain_write, plain_read); }
static double ours_together(void) { return two_processes(our_write, our_read); }
static double plain_together(void) { return two_processes(plain_write, plain_read); }

int main(void) {
  static const size_t sizes[] = {64, 512, 4096, 16384, 65536};
  bench_pin(0);
  for (int is_socket = 0; is_socket < 2; is_socket++) {
    const char *kind = is_socket ? "socket" : "pipe";
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      size = sizes[i];
      count = size <= 4096 ? 4000 : 300;
      REQUIRE((is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
      char what[64];
      snprintf(what, sizeof what, "%s, %zu bytes, one process", kind, size);
      bench_row(what, "plain write and read", ours_alone, plain_alone);
      snprintf(what, sizeof what, "%s, %zu bytes, two processes", kind, size);
      bench_row(what, "plain write and read", ours_together, plain_together);
      close(ends[0]);
      close(ends[1]);
    }
  }
  return 0;
}
