/* Creating a FIFO makes no process: it works while another thread waits for any child, and where no process is allowed. The
 * permissions are exact under every umask, and no other name stays. */
#include "test.h"

#include <dirent.h>
#include <stdatomic.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

static atomic_int is_over;

static void *reap_everything(void *unused) {
  while (!is_over)
    if (waitpid(-1, NULL, __WALL | WNOHANG) > 0) test_failed(__FILE__, __LINE__, "a process was reaped");
  return unused;
}

static int entries(const char *path) {
  DIR *directory = opendir(path);
  CHECK(directory != NULL);
  int count = 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

static void without_processes(void *argument) {
  const char *directory = argument;
  char path[200];
  snprintf(path, sizeof path, "%s/x", directory);
  CHECK(chmod(directory, 0777) == 0);
  struct rlimit none = { 0, 0 };
  if (geteuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
  umask(077);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0622), IPC_CREATED);
  CHECK(unlink(path) == 0);
  const char *name = unique_name("no-process");
  ipc_mq_t *mq;
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 8 };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0666), IPC_CREATED);
  /* If the kernel permits no io_uring, a descriptor needs a thread, which the limit forbids too. */
  int fd = ipc_mq_fd(mq);
  CHECK(fd >= 3 || fd == -EAGAIN);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  _exit(0);
}

int main(void) {
  char directory[160], path[200];
  const char *base = getenv("TMPDIR");
  snprintf(directory, sizeof directory, "%.80s%s", base ? base : "/tmp", unique_name("fifos"));
  CHECK(mkdir(directory, 0755) == 0);
  snprintf(path, sizeof path, "%s/fifo", directory);

  pthread_t reaper;
  CHECK(pthread_create(&reaper, NULL, reap_everything, NULL) == 0);
  const mode_t masks[] = { 0, 022, 077, 0777 }, modes[] = { 0600, 0622, 0666, 0777, 0 };
  for (int round = 0; round < 10; round++)
    for (size_t mask = 0; mask < sizeof masks / sizeof *masks; mask++)
      for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++) {
        mode_t before = umask(masks[mask]);
        struct stat status;
        CHECK_EQUAL(ipc_fifo_create(path, 0, modes[mode]), IPC_CREATED);
        CHECK_EQUAL(ipc_fifo_create(path, 0, modes[mode]), IPC_OPENED);
        CHECK_EQUAL(ipc_fifo_create(path, IPC_EXCLUSIVE, modes[mode]), -EEXIST);
        CHECK(umask(before) == masks[mask]);
        CHECK(stat(path, &status) == 0 && S_ISFIFO(status.st_mode));
        CHECK_EQUAL(status.st_mode & 07777, modes[mode]);
        CHECK_EQUAL(entries(directory), 3);
        CHECK_EQUAL(ipc_fifo_unlink(path), 0);
      }
  is_over = 1;
  CHECK(pthread_join(reaper, NULL) == 0);

  /* A path without a directory, and errors as mkfifo has them. */
  CHECK(chdir(directory) == 0);
  umask(077);
  CHECK_EQUAL(ipc_fifo_create("here", 0, 0666), IPC_CREATED);
  CHECK_EQUAL(ipc_fifo_unlink("here"), 0);
  CHECK_EQUAL(ipc_fifo_create("nowhere/x", 0, 0666), -ENOENT);
  CHECK(symlink("nothing", "link") == 0);
  CHECK_EQUAL(ipc_fifo_create("link", 0, 0666), -EMEDIUMTYPE);
  CHECK(unlink("link") == 0);
  CHECK_EQUAL(entries("."), 2);
  umask(022);

  CHECK_EQUAL(wait_for(start(without_processes, directory)), 0);
  CHECK(rmdir(directory) == 0);
  return 0;
}
