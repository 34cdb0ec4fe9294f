/* Writing to a pipe without readers gives -EPIPE and never SIGPIPE, from any thread, whatever the program does about
 * that signal. The disposition and the mask of the signal stay unchanged. */
#include "streams.h"

static volatile sig_atomic_t handled;

static void on_sigpipe(int number) {
  (void)number;
  handled++;
}

static void broken_pipe(int ends[2]) { CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0); }

static void broken_nonblocking_pipe(int ends[2]) {
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], IPC_NONBLOCK), 0);
}

static void broken_socket(int ends[2]) {
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void broken_fifo(int ends[2]) {
  const char *path = test_path("broken");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_CREATED);
  ends[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ends[1] = open(path, O_WRONLY | O_CLOEXEC);
  CHECK(ends[0] >= 0 && ends[1] >= 0);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
}

static void *write_to_nobody(void *argument) {
  static void (*const makers[])(int[2]) = {
    broken_pipe, broken_nonblocking_pipe, broken_socket, broken_fifo};
  static const int64_t timeouts[] = {IPC_FOREVER, PATIENCE, 0};
  (void)argument;
  for (size_t maker = 0; maker < LENGTH(makers); maker++) {
    int ends[2];
    makers[maker](ends);
    close(ends[0]);
    for (size_t timeout = 0; timeout < LENGTH(timeouts); timeout++) {
      CHECK_EQUAL(ipc_write_full(ends[1], "x", 1, timeouts[timeout]), -EPIPE);
      CHECK_EQUAL(ipc_last_transferred(), 0);
    }
    close(ends[1]);
  }
  sigset_t pending, mask;
  CHECK_EQUAL(sigpending(&pending), 0);
  CHECK_EQUAL(sigismember(&pending, SIGPIPE), 0);
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
  CHECK_EQUAL(sigismember(&mask, SIGPIPE), 0);
  return NULL;
}

static void reader_of_a_part(void *argument) {
  int *ends = argument;
  close(ends[1]);
  char byte;
  CHECK_EQUAL(ipc_read_full(ends[0], &byte, 1, IPC_FOREVER), 1);
}

int main(void) {
  void (*const dispositions[])(int) = {SIG_DFL, SIG_IGN, on_sigpipe};
  for (size_t i = 0; i < LENGTH(dispositions); i++) {
    struct sigaction action = {.sa_handler = dispositions[i]}, found;
    CHECK_EQUAL(sigaction(SIGPIPE, &action, NULL), 0);
    write_to_nobody(NULL);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, write_to_nobody, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(sigaction(SIGPIPE, NULL, &found), 0);
    CHECK(found.sa_handler == dispositions[i]);
  }
  CHECK_EQUAL(handled, 0);

  /* The reader closes in the middle of a transfer, while the writer waits for room. */
  signal(SIGPIPE, SIG_DFL);
  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  pid_t child = start(reader_of_a_part, ends);
  close(ends[0]);
  enum { SIZE = 1 << 20 };
  char *bytes = calloc(1, SIZE);
  CHECK_FAILS(ipc_write_full(ends[1], bytes, SIZE, IPC_FOREVER), -EPIPE, "of 1048576 bytes written");
  CHECK(ipc_last_transferred() >= 1 && ipc_last_transferred() < SIZE);
  FINISH(child);
  free(bytes);
  return 0;
}
