/* A name under which something else stands (a directory, a FIFO, a socket, a symbolic link, a plain file) is refused
 * with an error that says so. Nothing is waited for, followed or changed, and no process gets stuck. */
#include "test.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char path[100];

static void remove_path(void) {
  if (getpid() != test_pid) return;
  rmdir(path);
  unlink(path);
}

static void refused(const char *name, int expected, const char *text) {
  static const int access[] = { 0, IPC_CREATE, IPC_READ_ONLY, IPC_ADOPT, IPC_CREATE | IPC_READ_ONLY };
  ipc_shm_t *shm = (ipc_shm_t *)&shm;
  ipc_sem_t *sem;
  for (size_t i = 0; i < sizeof access / sizeof access[0]; i++) {
    CHECK_FAILS(ipc_shm_open(&shm, name, 8, access[i], 0600), expected, text);
    CHECK_LAST_ERROR(name);
  }
  CHECK(shm == (ipc_shm_t *)&shm);
  CHECK_FAILS(ipc_sem_open(&sem, name, 0, IPC_CREATE, 0600), expected, text);
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST, name);
  static const ipc_type_t type = { "T", 1, 0, 8, 8, { { NULL, 0, 0 } } };
  CHECK_EQUAL(ipc_shm_open_file(&shm, path, &type, IPC_CREATE, 0600), expected);
}

int main(void) {
  const char *name = unique_name("planted");
  snprintf(path, sizeof path, "/dev/shm%s", name);
  atexit(remove_path);

  CHECK_EQUAL(mkdir(path, 0700), 0);
  refused(name, -EMEDIUMTYPE, "not a regular file");
  CHECK_FAILS(ipc_shm_unlink(name), -EMEDIUMTYPE, "a directory");
  CHECK_EQUAL(rmdir(path), 0);

  CHECK_EQUAL(mkfifo(path, 0600), 0);
  refused(name, -EMEDIUMTYPE, "not a regular file");
  CHECK_FAILS(ipc_shm_unlink(name), -EMEDIUMTYPE, "a FIFO");
  CHECK_EQUAL(unlink(path), 0);

  int sock = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  snprintf(address.sun_path, sizeof address.sun_path, "%.99s", path);
  CHECK_EQUAL(bind(sock, (struct sockaddr *)&address, sizeof address), 0);
  refused(name, -EMEDIUMTYPE, "not a regular file");
  CHECK_EQUAL(close(sock), 0);
  CHECK_FAILS(ipc_shm_unlink(name), -EMEDIUMTYPE, "a socket");
  CHECK_EQUAL(unlink(path), 0);

  /* A link to an object that could be opened, and a link to a name that could be created. */
  const char *victim = unique_name("victim");
  char target[128];
  snprintf(target, sizeof target, "/dev/shm%s", victim);
  CHECK_EQUAL(symlink(target, path), 0);
  refused(name, -ELOOP, "symbolic link");
  CHECK_EQUAL(access(target, F_OK), -1);
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, victim, 8, IPC_CREATE, 0600), IPC_CREATED);
  refused(name, -ELOOP, "symbolic link");
  CHECK_FAILS(ipc_shm_unlink(name), -EMEDIUMTYPE, "a symbolic link");
  CHECK_EQUAL(unlink(path), 0);
  CHECK_EQUAL(access(target, F_OK), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
