/* Under RLIMIT_FSIZE a call that would make a larger file fails with -EFBIG, and the caller gets no SIGXFSZ. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char large[2 << 20];
static const ipc_type_t type = { "large", 1, 0, sizeof large, 8, { { NULL, 0, 0 } } };

int main(void) {
  const char *name = unique_name("file-size");
  char path[200];
  const char *directory = getenv("TMPDIR");
  snprintf(path, sizeof path, "%.80s%.60s", directory ? directory : "/tmp", name);
  struct rlimit limit = { 1 << 20, 1 << 20 };
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);

  ipc_shm_t *shm;
  ipc_mq_t *mq;
  CHECK_FAILS(ipc_shm_open(&shm, name, 2 << 20, IPC_CREATE, 0600), -EFBIG, "RLIMIT_FSIZE");
  CHECK_FAILS(ipc_shm_sealed(&shm, &type), -EFBIG, "RLIMIT_FSIZE");
  CHECK_FAILS(ipc_shm_open_file(&shm, path, &type, IPC_CREATE, 0600), -EFBIG, "RLIMIT_FSIZE");
  ipc_mq_attr_t attr = { .max_messages = 1024, .message_size = 4096 };
  CHECK_FAILS(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), -EFBIG, "RLIMIT_FSIZE");
  CHECK_EQUAL(ipc_shm_open(&shm, name, 1 << 19, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);

  /* The number may have been a pipe's before. */
  int ends[2];
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  CHECK_EQUAL(ipc_write_full(ends[1], "x", 1, 0), 1);
  close(ends[0]);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK(file >= 0 && dup2(file, ends[1]) == ends[1]);
  CHECK_FAILS(ipc_write_full(ends[1], large, sizeof large, PATIENCE), -EFBIG, "1048576 of 2097152");
  CHECK_EQUAL(ipc_last_transferred(), 1 << 20);
  CHECK_FAILS(ipc_write_full(file, large, sizeof large, 0), -EFBIG, "0 of");

  /* Nothing is pending afterwards, and a signal that was pending stays. */
  sigset_t set, pending;
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGXFSZ));
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGXFSZ) == 0);
  CHECK_EQUAL(ipc_shm_sealed(&shm, &type), -EFBIG);
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ));
  CHECK(unlink(path) == 0);
  return 0;
}
