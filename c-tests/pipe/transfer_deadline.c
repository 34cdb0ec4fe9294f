/* A stopped peer does not hold up a transfer past its deadline, on any kind of blocking descriptor. The number of
 * transferred bytes is reported, nothing is lost, and O_NONBLOCK stays as it was. */
#include "streams.h"
#include <pty.h>
#include <termios.h>

enum { SIZE = 1 << 20 };

static void make_pipe(int ends[2]) { CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0); }

static void make_socket(int ends[2]) {
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void make_fifo(int ends[2]) {
  const char *path = test_path("fifo");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  ends[0] = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0);
  ends[1] = ipc_fifo_open(path, IPC_WRITE_ONLY, 0);
  CHECK(ends[0] >= 0 && ends[1] >= 0);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
}

static void make_terminal(int ends[2]) {
  struct termios raw;
  memset(&raw, 0, sizeof raw);
  cfmakeraw(&raw);
  raw.c_cc[VMIN] = 1;
  CHECK_EQUAL(openpty(&ends[0], &ends[1], NULL, &raw, NULL), 0);
}

typedef struct {
  int ends[2];
  size_t size;
} Job;

static void stopped_reader(void *argument) {
  const Job *job = argument;
  close(job->ends[1]);
  raise(SIGSTOP);
  unsigned char *bytes = allocate(SIZE);
  CHECK_EQUAL(ipc_read_full(job->ends[0], bytes, job->size, PATIENCE), (ssize_t)job->size);
  check_pattern(bytes, job->size, 0);
  free(bytes);
}

int main(void) {
  static void (*const makers[])(int[2]) = {make_pipe, make_socket, make_fifo, make_terminal};
  unsigned char *bytes = allocate(SIZE);
  fill_pattern(bytes, SIZE, 0);
  for (size_t maker = 0; maker < LENGTH(makers); maker++) {
    /* A terminal accepts few bytes, one by one. */
    Job job = {.size = maker == 3 ? 20000 : SIZE};
    makers[maker](job.ends);
    int flags = fcntl(job.ends[1], F_GETFL);

    char byte;
    CHECK_EQUAL(ipc_read_full(job.ends[0], &byte, 1, 0), -EAGAIN);
    int64_t before = now_ns();
    CHECK_FAILS(
      ipc_read_full(job.ends[0], &byte, 1, 20 * MILLISECOND), -ETIMEDOUT, "0 of 1 bytes read");
    CHECK(now_ns() - before >= 20 * MILLISECOND);
    CHECK_EQUAL(ipc_last_transferred(), 0);

    pid_t child = start(stopped_reader, &job);
    int status;
    CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    before = now_ns();
    CHECK_FAILS(
      ipc_write_full(job.ends[1], bytes, job.size, 50 * MILLISECOND), -ETIMEDOUT, "bytes written");
    CHECK(now_ns() - before >= 50 * MILLISECOND);
    size_t done = ipc_last_transferred();
    CHECK(done > 0 && done < job.size);
    CHECK_EQUAL(ipc_write_full(job.ends[1], bytes + done, job.size - done, 0), -EAGAIN);
    done += ipc_last_transferred();
    CHECK_EQUAL(fcntl(job.ends[1], F_GETFL), flags);

    kill(child, SIGCONT);
    CHECK_EQUAL(
      ipc_write_full(job.ends[1], bytes + done, job.size - done, PATIENCE),
      (ssize_t)(job.size - done));
    FINISH(child);

    /* The part that was read before the deadline is reported too. */
    CHECK_EQUAL(ipc_write_full(job.ends[1], "part", 4, PATIENCE), 4);
    char part[8];
    CHECK_FAILS(
      ipc_read_full(job.ends[0], part, sizeof part, 20 * MILLISECOND), -ETIMEDOUT,
      "4 of 8 bytes read");
    CHECK_EQUAL(ipc_last_transferred(), 4);
    CHECK(memcmp(part, "part", 4) == 0);
    close(job.ends[0]);
    close(job.ends[1]);
  }

  /* A regular file is always ready, whatever the deadline. */
  const char *path = test_path("file");
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  CHECK_EQUAL(ipc_write_full(file, bytes, SIZE, 0), SIZE);
  CHECK_EQUAL(lseek(file, 0, SEEK_SET), 0);
  CHECK_EQUAL(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  memset(bytes, 0, SIZE);
  CHECK_EQUAL(ipc_read_full(file, bytes, SIZE, 0), SIZE);
  check_pattern(bytes, SIZE, 0);
  CHECK_EQUAL(ipc_read_full(file, bytes, SIZE, 0), 0);
  free(bytes);
  return 0;
}
