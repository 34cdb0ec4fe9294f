/* A FIFO has exactly the requested mode, whatever the umask. A flag decides whether an existing FIFO is accepted or
 * refused. A file that is no FIFO is refused and stays unchanged. */
#include "streams.h"

static mode_t mode_of(const char *path) {
  struct stat status;
  CHECK_EQUAL(lstat(path, &status), 0);
  CHECK(S_ISFIFO(status.st_mode));
  return status.st_mode & 07777;
}

typedef struct {
  const char *path;
  int *created;
} Job;

static void creator(void *argument) {
  const Job *job = argument;
  int result = ipc_fifo_create(job->path, 0, 0666);
  CHECK(result == IPC_CREATED || result == IPC_OPENED);
  if (result == IPC_CREATED) __atomic_add_fetch(job->created, 1, __ATOMIC_SEQ_CST);
  CHECK_EQUAL(mode_of(job->path), 0666);
}

int main(void) {
  int before = open_descriptors();
  const char *path = test_path("fifo"), *file = test_path("file"), *link = test_path("link");
  umask(077);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0666), IPC_CREATED);
  CHECK_EQUAL(mode_of(path), 0666);
  CHECK_EQUAL(umask(077), 077);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_fifo_create(path, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(mode_of(path), 0666);
  CHECK_FAILS(ipc_fifo_create(path, IPC_EXCLUSIVE, 0600), -EEXIST, "the FIFO exists");
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  CHECK_FAILS(ipc_fifo_unlink(path), -ENOENT, path);
  CHECK_EQUAL(ipc_fifo_create(path, IPC_CREATE | IPC_EXCLUSIVE, 0), IPC_CREATED);
  CHECK_EQUAL(mode_of(path), 0);

  int other = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  CHECK(other >= 0);
  close(other);
  CHECK_EQUAL(symlink(path, link), 0);
  const struct {
    const char *path, *text;
  } wrong[] = {{file, "a regular file"}, {link, "a symbolic link"}, {test_directory, "a directory"}};
  for (size_t i = 0; i < LENGTH(wrong); i++) {
    CHECK_FAILS(ipc_fifo_create(wrong[i].path, 0, 0600), -EMEDIUMTYPE, wrong[i].text);
    CHECK_FAILS(ipc_fifo_create(wrong[i].path, IPC_EXCLUSIVE, 0600), -EMEDIUMTYPE, wrong[i].text);
    CHECK_FAILS(ipc_fifo_open(wrong[i].path, IPC_READ_ONLY, 0), -EMEDIUMTYPE, wrong[i].text);
    CHECK_FAILS(ipc_fifo_unlink(wrong[i].path), -EMEDIUMTYPE, wrong[i].text);
    CHECK_EQUAL(access(wrong[i].path, F_OK), 0);
  }

  CHECK_FAILS(ipc_fifo_create(NULL, 0, 0600), -EINVAL, "path is NULL");
  CHECK_FAILS(ipc_fifo_create("", 0, 0600), -EINVAL, "path is empty");
  CHECK_FAILS(ipc_fifo_create("/nowhere/fifo", 0, 0600), -ENOENT, "/nowhere/fifo");
  CHECK_FAILS(ipc_fifo_create(path, IPC_READ_ONLY, 0600), -EINVAL, "no meaning");
  CHECK_FAILS(ipc_fifo_create(path, 0, 010000), -EINVAL, "mode");
  CHECK_FAILS(ipc_fifo_open(path, 0, 0), -EINVAL, "expected IPC_READ_ONLY");
  CHECK_FAILS(ipc_fifo_open(path, IPC_READ_ONLY | IPC_WRITE_ONLY, 0), -EINVAL, "expected");
  CHECK_FAILS(ipc_fifo_open(path, IPC_WRITE_ONLY | IPC_FIFO_KEEP_OPEN, 0), -EINVAL, "expected");
  CHECK_FAILS(ipc_fifo_open(path, IPC_READ_ONLY | IPC_CREATE, 0), -EINVAL, "no meaning");
  CHECK_FAILS(ipc_fifo_open(path, IPC_READ_ONLY, -2), -EINVAL, "timeout_ns");
  CHECK_FAILS(ipc_fifo_open("/nowhere/fifo", IPC_READ_ONLY, 0), -ENOENT, "/nowhere/fifo");
  CHECK_FAILS(ipc_fifo_open(NULL, IPC_READ_ONLY, 0), -EINVAL, "path is NULL");
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);

  /* Of many processes that create the FIFO at once, one creates it. */
  int *created = shared_memory(sizeof *created);
  Job job = {path, created};
  pid_t children[8];
  for (int i = 0; i < 8; i++) children[i] = start(creator, &job);
  for (int i = 0; i < 8; i++) FINISH(children[i]);
  CHECK_EQUAL(*created, 1);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
