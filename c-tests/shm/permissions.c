/* A mode that denies access to another user is enforced. IPC_CHECK_OWNER refuses an object that another user owns or
 * that others may write to. */
#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>

static const char *name;

static void become_another(void) {
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(77);
}

static void denied(void *argument) {
  (void)argument;
  ipc_shm_t *shm;
  ipc_sem_t *sem;
  become_another();
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, 0, 0), -EACCES, name);
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), -EACCES, name);
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_READ_ONLY, 0), -EACCES, name);
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CHECK_FAILS(ipc_sem_open(&sem, name, 0, 0, 0), -EACCES, name);
  int result = ipc_shm_unlink(name);
  CHECK(result == -EPERM || result == -EACCES);
  CHECK_LAST_ERROR(name);
}

static void reader(void *argument) {
  (void)argument;
  ipc_shm_t *shm;
  become_another();
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, 0, 0), -EACCES);
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(*(int *)ipc_shm_data(shm), 9);
  CHECK_FAILS(
    ipc_shm_open(&shm, name, 8, IPC_READ_ONLY | IPC_CHECK_OWNER, 0), -EACCES,
    "expected owner 65534");
  CHECK_LAST_ERROR("found owner 0 and mode 0644");
}

static void writer(void *argument) {
  (void)argument;
  ipc_shm_t *shm;
  become_another();
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, 0, 0), IPC_OPENED);
  *(int *)ipc_shm_data(shm) = 10;
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

int main(void) {
  ipc_shm_t *shm, *other;
  char path[128];
  name = unique_name("owner");
  snprintf(path, sizeof path, "/dev/shm%s", name);

  /* Others may write to the object: it is refused with IPC_CHECK_OWNER. */
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  *(int *)ipc_shm_data(shm) = 9;
  CHECK_EQUAL(ipc_shm_open(&other, name, 8, IPC_CHECK_OWNER, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  static const mode_t open_modes[] = { 0620, 0602, 0666 };
  for (int i = 0; i < 3; i++) {
    char text[32];
    CHECK_EQUAL(chmod(path, open_modes[i]), 0);
    snprintf(text, sizeof text, "mode %04o", open_modes[i]);
    CHECK_FAILS(ipc_shm_open(&other, name, 8, IPC_CHECK_OWNER, 0), -EACCES, text);
    CHECK_FAILS(ipc_shm_open(&other, name, 8, IPC_CREATE | IPC_CHECK_OWNER, 0600), -EACCES, text);
  }
  if (getuid() != 0) SKIP("only root can act for two users");

  CHECK_EQUAL(chmod(path, 0600), 0);
  FINISH(start(denied, NULL));
  CHECK_EQUAL(chmod(path, 0644), 0);
  FINISH(start(reader, NULL));
  CHECK_EQUAL(chmod(path, 0666), 0);
  FINISH(start(writer, NULL));
  CHECK_EQUAL(*(int *)ipc_shm_data(shm), 10);

  CHECK_EQUAL(chmod(path, 0600), 0);
  CHECK_EQUAL(chown(path, 65534, 65534), 0);
  CHECK_FAILS(
    ipc_shm_open(&other, name, 8, IPC_CHECK_OWNER, 0), -EACCES, "found owner 65534");
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
