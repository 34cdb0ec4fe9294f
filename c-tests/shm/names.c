/* Which names each call accepts, and what each refusal says. */
#include "test.h"

static void refused(const char *name, int expected, const char *text) {
  static const ipc_type_t type = { "T", 1, 0, 8, 8, { { NULL, 0, 0 } } };
  ipc_shm_t *shm = NULL;
  ipc_sem_t *sem = NULL;
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), expected, text);
  CHECK_FAILS(
    ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, NULL, NULL), expected, text);
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), expected, text);
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, 0, 0600), expected, text);
  CHECK_FAILS(ipc_shm_unlink(name), expected, text);
  CHECK_FAILS(ipc_sem_open(&sem, name, 0, IPC_CREATE, 0600), expected, text);
  CHECK_FAILS(ipc_sem_unlink(name), expected, text);
  CHECK(shm == NULL && sem == NULL);
}

int main(void) {
  refused(NULL, -EINVAL, "the name is NULL");
  refused("", -EINVAL, "is empty");
  refused("/", -EINVAL, "nothing behind the slash");
  refused("sensor", -EINVAL, "does not begin with a slash");
  refused("//sensor", -EINVAL, "second slash");
  refused("/a/b", -EINVAL, "second slash");
  refused("/a/", -EINVAL, "second slash");
  refused("/../dev/null", -EINVAL, "second slash");
  refused("/.", -EINVAL, "directory");
  refused("/..", -EINVAL, "directory");
  refused(".", -EINVAL, "slash");
  refused("\nsensor", -EINVAL, "\\nsensor"); /* one line, whatever the name holds */

  /* 251 bytes with the slash pass, 252 do not, and far more are not read. */
  char name[10000];
  memset(name, 'n', sizeof name);
  snprintf(name, sizeof name, "/ripc-test-%d-", (int)getpid());
  size_t length = strlen(name);
  memset(name + length, 'n', sizeof name - length);
  name[251] = 0;
  ipc_shm_t *shm;
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  name[251] = 'n';
  name[252] = 0;
  refused(name, -ENAMETOOLONG, "251 bytes");
  name[252] = 'n';
  name[sizeof name - 1] = 0;
  refused(name, -ENAMETOOLONG, "251 bytes");

  /* Odd, but a name: what the file system takes. */
  snprintf(name, sizeof name, "/ripc-test-%d- \xff\x01%%s", (int)getpid());
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(
    ipc_shm_open(&shm, name, 8, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST, "\\xff\\x01%s");
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  return 0;
}
