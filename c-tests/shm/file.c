/* A memory-mapped file: its data outlives its handles, its path is checked, and a file system without
 * unnamed files is refused. */
#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>

static char directory[64];

static void clean(void) {
  if (getpid() != test_pid) return;
  if (chdir("/") == 0) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    if (system(command) != 0) fprintf(stderr, "%s failed\n", command);
  }
}

typedef struct {
  char text[100];
} Data;

static const ipc_type_t type = IPC_TYPE(Data, 1);
static const ipc_type_t other_type = IPC_TYPE(Data, 2);

int main(void) {
  ipc_shm_t *shm, *untouched = NULL;
  unique_name("unused");
  snprintf(directory, sizeof directory, "/tmp/ripc-test-%d-XXXXXX", (int)getpid());
  CHECK(mkdtemp(directory) != NULL);
  atexit(clean);
  CHECK_EQUAL(chdir(directory), 0);

  int result = ipc_shm_open_file(&shm, "data", &type, IPC_CREATE | IPC_EXCLUSIVE, 0640);
  if (result == -EOPNOTSUPP) SKIP("/tmp has no unnamed files");
  CHECK_EQUAL(result, IPC_CREATED);
  strcpy(((Data *)ipc_shm_data(shm))->text, "persists");
  CHECK_EQUAL(ipc_shm_sync(shm), 0);
  CHECK_EQUAL(ipc_shm_stale(shm), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  struct stat status;
  CHECK_EQUAL(stat("data", &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);

  /* Relative, absolute and roundabout paths lead to the same file. */
  char absolute[128];
  snprintf(absolute, sizeof absolute, "%s/data", directory);
  const char *paths[] = { "data", "./data", absolute, ".//data" };
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(ipc_shm_open_file(&shm, paths[i], &type, IPC_CREATE, 0600), IPC_OPENED);
    CHECK(strcmp(((Data *)ipc_shm_data(shm))->text, "persists") == 0);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
  }
  CHECK_FAILS(
    ipc_shm_open_file(&untouched, "data", &other_type, 0, 0), -EPROTO,
    "expected type Data version 2, found Data version 1");

  CHECK_EQUAL(symlink("data", "link"), 0);
  CHECK_FAILS(ipc_shm_open_file(&untouched, "link", &type, 0, 0), -ELOOP, "symbolic link");
  CHECK_FAILS(
    ipc_shm_open_file(&untouched, "link", &type, IPC_CREATE, 0600), -ELOOP, "symbolic link");
  CHECK_EQUAL(mkdir("sub", 0700), 0);
  CHECK_FAILS(ipc_shm_open_file(&untouched, "sub", &type, 0, 0), -EMEDIUMTYPE, "sub");
  CHECK_FAILS(ipc_shm_open_file(&untouched, "sub/", &type, IPC_CREATE, 0600), -EINVAL, "directory");
  CHECK_FAILS(ipc_shm_open_file(&untouched, "", &type, IPC_CREATE, 0600), -EINVAL, "empty");
  CHECK_FAILS(ipc_shm_open_file(&untouched, NULL, &type, IPC_CREATE, 0600), -EINVAL, "NULL");
  CHECK_FAILS(ipc_shm_open_file(&untouched, "none", &type, 0, 0), -ENOENT, "none");
  CHECK_FAILS(
    ipc_shm_open_file(&untouched, "none/data", &type, IPC_CREATE, 0600), -ENOENT, "none/data");
  CHECK_FAILS(
    ipc_shm_open_file(&untouched, "data/data", &type, IPC_CREATE, 0600), -ENOTDIR, "data/data");
  CHECK_FAILS(
    ipc_shm_open_file(&untouched, "/dev/null", &type, 0, 0), -EMEDIUMTYPE, "/dev/null");
  static char long_path[5000];
  memset(long_path, 'x', sizeof long_path - 1);
  CHECK_EQUAL(ipc_shm_open_file(&untouched, long_path, &type, IPC_CREATE, 0600), -ENAMETOOLONG);
  long_path[300] = 0;
  CHECK_EQUAL(ipc_shm_open_file(&untouched, long_path, &type, IPC_CREATE, 0600), -ENAMETOOLONG);
  /* /proc has no unnamed files. */
  result = ipc_shm_open_file(&untouched, "/proc/ripc-test", &type, IPC_CREATE, 0600);
  CHECK(result == -EOPNOTSUPP || result == -EACCES || result == -ENOENT);

  /* A plain file of text, a truncated one, an empty one. */
  int fd = open("plain", O_CREAT | O_WRONLY, 0600);
  CHECK_EQUAL(ipc_shm_open_file(&untouched, "plain", &type, IPC_CREATE, 0600), -EPROTO);
  CHECK_EQUAL(write(fd, "hello", 5), 5);
  CHECK_FAILS(
    ipc_shm_open_file(&untouched, "plain", &type, IPC_CREATE, 0600), -EPROTO, "found 5 bytes");
  close(fd);

  CHECK_EQUAL(ipc_shm_open_file(&shm, "data", &type, 0, 0), IPC_OPENED);
  CHECK_EQUAL(unlink("data"), 0);
  CHECK_EQUAL(ipc_shm_stale(shm), 1);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK(untouched == NULL);
  return 0;
}
