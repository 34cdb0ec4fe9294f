/* ipc_fifo(3), sentence by sentence. */
#include "page.h"

#include <fcntl.h>
#include <sys/stat.h>

static char path[300];

static const char *in_tmp(const char *name) {
  static char found[300];
  const char *directory = getenv("TMPDIR");
  snprintf(found, sizeof found, "%s/ripc-test-%d-%s", directory != NULL ? directory : "/tmp", (int)getpid(), name);
  return found;
}

static void write_and_die(void *unused) {
  (void)unused;
  int fd = ipc_fifo_open(path, IPC_WRITE_ONLY, PATIENCE);
  CHECK(fd >= 3);
  _exit(0);
}

static void read_interrupted(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, IPC_FOREVER), -EINTR);
  _exit(0);
}

int main(void) {
  snprintf(path, sizeof path, "%s", in_tmp("fifo"));
  (void)unlink(path);
  CLAIM("A new FIFO has exactly the permissions mode from its first moment; the umask has no effect.");
  mode_t before = umask(0777);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0640), IPC_CREATED);
  umask(before);
  struct stat status;
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK(S_ISFIFO(status.st_mode));
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CLAIM("ipc_fifo_create() returns IPC_CREATED (1), or IPC_OPENED (0) if the FIFO existed.");
  CLAIM("An existing FIFO keeps its permissions.");
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_OPENED);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CLAIM("No effect: the call always creates.");
  CHECK_EQUAL(ipc_fifo_create(path, IPC_CREATE, 0600), IPC_OPENED);
  CLAIM("Fail if the FIFO exists.");
  CHECK_EQUAL(ipc_fifo_create(path, IPC_EXCLUSIVE, 0600), -EEXIST);

  CLAIM("ipc_fifo_open() for reading: timeout_ns is 0, and no process has the FIFO open for writing.");
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, 0), -EAGAIN);
  CLAIM("ipc_fifo_open() for writing: timeout_ns is 0, and no process has the FIFO open for reading.");
  CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, 0), -ENXIO);
  CLAIM("no process opened the other end in time");
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_WRITE_ONLY, MILLISECOND), -ETIMEDOUT);
  CLAIM("With this flag ipc_fifo_open() does not wait.");
  int reader = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0);
  CHECK(reader >= 3);
  CLAIM("The reader does not get the end of the file when the last writer leaves.");
  FINISH(start(write_and_die, NULL));
  char byte;
  CHECK_EQUAL(ipc_read_full(reader, &byte, 1, 0), -EAGAIN);
  CHECK_EQUAL(fcntl(reader, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(close(reader), 0);
  CLAIM("A writer that was killed after it had opened the FIFO counts: the reader's call returns, and reading gives the end of the file.");
  pid_t writer = start(write_and_die, NULL);
  reader = ipc_fifo_open(path, IPC_READ_ONLY, PATIENCE);
  CHECK(reader >= 3);
  FINISH(writer);
  CHECK_EQUAL(ipc_read_full(reader, &byte, 1, PATIENCE), 0);
  CHECK_EQUAL(close(reader), 0);
  CLAIM("ipc_fifo_open() returns -EINTR if a handler ran while it waited.");
  handle_usr1(0);
  CHECK_EQUAL(interrupt_until_ended(start(read_interrupted, NULL), SIGUSR1), 0);

  CLAIM("The path is NULL or empty, mode has bits outside 0777, flags does not have exactly one end or has an unknown bit, or timeout_ns is invalid.");
  CHECK_EQUAL(ipc_fifo_create(NULL, 0, 0600), -EINVAL);
  CHECK_EQUAL(ipc_fifo_create("", 0, 0600), -EINVAL);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 01000), -EINVAL);
  CHECK_EQUAL(ipc_fifo_open(path, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY | IPC_WRITE_ONLY, 0), -EINVAL);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY | 1 << 25, 0), -EINVAL);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_fifo_unlink(""), -EINVAL);
  CLAIM("ipc_fifo_unlink() removes a FIFO's name.");
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  CHECK_EQUAL(ipc_fifo_unlink(path), -ENOENT);
  CLAIM("A file that is not a FIFO is never opened, changed or removed.");
  int file = open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  CHECK_EQUAL(ipc_fifo_open(path, IPC_READ_ONLY, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_fifo_unlink(path), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), -EMEDIUMTYPE);
  CHECK_EQUAL(unlink(path), 0);
  CLAIM("No call follows a symbolic link in the last part of the path.");
  char target[300];
  snprintf(target, sizeof target, "%s", in_tmp("target"));
  CHECK_EQUAL(mkfifo(target, 0600), 0);
  CHECK_EQUAL(symlink(target, path), 0);
  CHECK(ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0) < 0);
  CHECK(ipc_fifo_unlink(path) < 0);
  CHECK_EQUAL(unlink(path), 0);
  CHECK_EQUAL(unlink(target), 0);
  return 0;
}
