/* ipc_spawn(3), sentence by sentence. Other tests of this folder have streams, deaths and programs that cannot run. */
#include "page.h"

#include <fcntl.h>
#include <poll.h>

static const char *const cat[] = { "cat", NULL };

static ipc_child_t *run(const char *script, int flags) {
  ipc_child_t *child;
  const char *const argv[] = { "sh", "-c", script, NULL };
  CHECK_EQUAL(ipc_spawn(&child, argv, flags), 0);
  return child;
}

static int code_of(ipc_child_t *child) {
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.signal, 0);
  return how.code;
}

static void ends(void) {
  ipc_child_t *child = run("exit 7", 0);
  CLAIM("The exit status, 0 to 255; -1 if a signal ended the child.");
  CHECK_EQUAL(code_of(child), 7);
  CLAIM("The answer stays, and the call may be repeated.");
  CHECK_EQUAL(code_of(child), 7);
  CLAIM("ipc_child_kill(): the child has ended and was waited for.");
  CHECK_EQUAL(ipc_child_kill(child, SIGTERM), -ESRCH);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CLAIM("The handle is closed or is not of a child, the stream is not a pipe or is closed already");
  CHECK_EQUAL(ipc_child_wait(child, &(ipc_child_exit_t){ 0 }, 0), -EBADF);

  CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
  CHECK_EQUAL(ipc_child_stderr(child), -EBADF);
  CLAIM("the child still runs, and timeout_ns is 0");
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, 0), -EAGAIN);
  CHECK_EQUAL(ipc_child_wait(child, &how, MILLISECOND), -ETIMEDOUT);
  CLAIM("ipc_child_kill(): the signal does not exist.");
  CHECK_EQUAL(ipc_child_kill(child, 1000), -EINVAL);
  CLAIM("which poll(2) reports as readable when the child has ended");
  struct pollfd entry = { .fd = ipc_child_fd(child), .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  CHECK_EQUAL(ipc_child_kill(child, SIGKILL), 0);
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
  CLAIM("The signal that ended the child; 0 if it ended by itself.");
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.signal, SIGKILL);
  CHECK_EQUAL(how.code, -1);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

static void streams(void) {
  ipc_child_t *child;
  char bytes[64];
  CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
  CHECK_EQUAL(ipc_write_full(ipc_child_stdin(child), "text", 4, PATIENCE), 4);
  CLAIM("closes the first one, and the child reads the end of the file");
  CHECK_EQUAL(ipc_child_close_stdin(child), 0);
  CHECK_EQUAL(ipc_child_close_stdin(child), -EBADF);
  CHECK_EQUAL(ipc_read_full(ipc_child_stdout(child), bytes, sizeof bytes, PATIENCE), 4);
  CHECK_EQUAL(code_of(child), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);

  CLAIM("If a buffer is full and the child has written more, the call fails with -ENOBUFS. Enlarge or empty the buffer and repeat the call.");
  CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
  ipc_exchange_t exchange = { .input = "12345678", .input_size = 8, .output = bytes, .output_capacity = 5 };
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, PATIENCE), -ENOBUFS);
  CHECK_EQUAL(exchange.output_size, 5);
  exchange.output_capacity = sizeof bytes;
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, PATIENCE), 0);
  CHECK_EQUAL(exchange.output_size, 8);
  CHECK(memcmp(bytes, "12345678", 8) == 0);
  CLAIM("a size is above its capacity");
  exchange.output_size = exchange.output_capacity + 1;
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, 0), -EINVAL);
  CHECK_EQUAL(ipc_child_close(child), 0);

  CLAIM("Without IPC_INHERIT it gets no other descriptor, however that was opened.");
  int open_one = open("/dev/null", O_RDONLY);
  CHECK(fcntl(open_one, F_DUPFD, 50) >= 50);
  child = run("test ! -e /proc/self/fd/50", 0);
  CHECK_EQUAL(code_of(child), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  child = run("test -e /proc/self/fd/50", IPC_INHERIT);
  CHECK_EQUAL(code_of(child), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  close(open_one);
  CLAIM("All its signals have their default actions, and none is blocked.");
  sigset_t all, before;
  sigfillset(&all);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, &all, &before), 0);
  signal(SIGUSR2, SIG_IGN);
  child = run("grep -q '^SigBlk:.*0000000000000000$' /proc/self/status && grep -q '^SigIgn:.*0000000000000000$' /proc/self/status", 0);
  CHECK_EQUAL(sigprocmask(SIG_SETMASK, &before, NULL), 0);
  signal(SIGUSR2, SIG_DFL);
  CHECK_EQUAL(code_of(child), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

static void attributes(void) {
  ipc_child_t *child;
  char bytes[64];
  const char *const argv[] = { "sh", "-c", "echo out; echo err >&2; echo $NAME; pwd", NULL };
  const char *const environment[] = { "NAME=value", NULL };
  ipc_spawn_attr_t attr = {
    .input = { .kind = IPC_STREAM_NULL }, .output = { .kind = IPC_STREAM_PIPE }, .error = { .kind = IPC_STREAM_MERGE },
    .environment = environment, .directory = "/",
  };
  CLAIM("The destination of the standard output. Only for error.");
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), 0);
  ssize_t length = ipc_read_full(ipc_child_stdout(child), bytes, sizeof bytes, PATIENCE);
  CHECK_EQUAL(length, strlen("out\nerr\nvalue\n/\n"));
  CHECK(memcmp(bytes, "out\nerr\nvalue\n/\n", (size_t)length) == 0);
  CHECK_EQUAL(code_of(child), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  attr.output.kind = IPC_STREAM_MERGE;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL);
  CLAIM("a kind other than a pipe although flags asks for a pipe");
  attr.output.kind = IPC_STREAM_NULL;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, IPC_STDOUT_PIPE, &attr), -EINVAL);
  CLAIM("This is always the result of the call and never an exit status of the child.");
  int descriptors = open_descriptors();
  const char *const missing[] = { "/no/such/program", NULL };
  CHECK_EQUAL(ipc_spawn(&child, missing, 0), -ENOENT);
  const char *const not_found[] = { "no-such-program-anywhere", NULL };
  CHECK_EQUAL(ipc_spawn(&child, not_found, 0), -ENOENT);
  const char *const no_program[] = { "/dev/null", NULL };
  CHECK_EQUAL(ipc_spawn(&child, no_program, 0), -EACCES);
  CHECK_EQUAL(open_descriptors(), descriptors);
  CLAIM("A needed pointer is NULL or misaligned, or the arguments are empty.");
  const char *const nothing[] = { NULL };
  CHECK_EQUAL(ipc_spawn(&child, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_spawn(&child, nothing, 0), -EINVAL);
  CHECK_EQUAL(ipc_spawn(NULL, argv, 0), -EINVAL);
  CLAIM("flags has an unknown bit");
  CHECK_EQUAL(ipc_spawn(&child, argv, 1 << 25), -EINVAL);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it has no pidfd_send_signal");
  CHECK_EQUAL(setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1), 0); /* a folder that this user may not search gives -EACCES */
  ends();
  streams();
  attributes();
  return 0;
}
