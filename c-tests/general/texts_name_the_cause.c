/* Error texts name what is in the way: the directory, the mount option, the interpreter. */
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void write_script(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}

static void in_own_mounts(void *unused) {
  (void)unused;
  ipc_shm_t *shm;
  ipc_mq_t *mq;
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 8 };
  const char *name = unique_name("texts");
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0) _exit(99);
  if (mount("none", "/dev/shm", "tmpfs", MS_RDONLY, "") != 0) _exit(99);
  CHECK_FAILS(ipc_shm_open(&shm, name, 64, IPC_CREATE, 0600), -EROFS, "/dev/shm is read-only");
  CHECK_FAILS(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), -EROFS, "/dev/shm is read-only");
  CHECK(mount("none", "/dev", "tmpfs", 0, NULL) == 0);
  CHECK_FAILS(ipc_shm_open(&shm, name, 64, IPC_CREATE, 0600), -ENOENT, "the directory /dev/shm does not exist");
  CHECK_FAILS(ipc_shm_open(&shm, name, 64, 0, 0), -ENOENT, "the directory /dev/shm does not exist");
  CHECK_FAILS(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), -ENOENT, "the directory /dev/shm does not exist");
  _exit(0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it ends a child whose exec fails");
  ipc_shm_t *shm;
  static const ipc_type_t type = { "int", 1, 0, 4, 4, { { NULL, 0, 0 } } };
  CHECK_FAILS(ipc_shm_open_file(&shm, "/nowhere/file", &type, IPC_CREATE, 0600), -ENOENT, "the directory /nowhere does not exist");

  char path[200];
  const char *base = getenv("TMPDIR");
  snprintf(path, sizeof path, "%.80s%.60s", base ? base : "/tmp", unique_name("script"));
  const char *const argv[] = { path, NULL };
  ipc_child_t *child;
  CHECK_EQUAL(ipc_spawn(&child, argv, 0), -ENOENT);
  CHECK(strstr(ipc_last_error(), "interpreter") == NULL);
  write_script(path, "#! /nowhere/sh -e\ntrue\n");
  CHECK_FAILS(ipc_spawn(&child, argv, 0), -ENOENT, "its interpreter \"/nowhere/sh\" does not exist");
  write_script(path, "#!/bin/sh\r\ntrue\r\n");
  CHECK_FAILS(ipc_spawn(&child, argv, 0), -ENOENT, "CR LF");
  CHECK(unlink(path) == 0);

  int status = wait_for(start(in_own_mounts, NULL));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 99) SKIP("mounting is not allowed");
  CHECK_EQUAL(status, 0);
  return 0;
}
