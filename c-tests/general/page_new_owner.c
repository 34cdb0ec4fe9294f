/* ipc_new_owner(3), sentence by sentence. general/new_owner.c has every kind of object. */
#include "page.h"
#include <pthread.h>
#include <sys/stat.h>

static const char *name;

/* The owner and the group of a new object, which is then removed. */
static struct stat owner_of_new(void) {
  char path[100];
  struct stat status;
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 10, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return status;
}

static void *in_thread(void *unused) {
  (void)unused;
  CLAIM("Each thread has a setting of its own, which begins with the usual user and group.");
  CHECK_EQUAL(owner_of_new().st_uid, geteuid());
  return NULL;
}

static void in_child(void *unused) {
  (void)unused;
  CLAIM("After fork(2) the child has that of the thread that forked.");
  CHECK_EQUAL(owner_of_new().st_uid, 54321);
  CHECK_EQUAL(owner_of_new().st_gid, 54322);
}

static void without_right(void *unused) {
  (void)unused;
  if (geteuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  CLAIM("The call that creates an object reports an error.");
  CHECK_EQUAL(ipc_new_owner(0, (gid_t)-1), 0);
  CLAIM("The process may not give the object away, and nothing was created. Another user needs the capability CAP_CHOWN.");
  ipc_shm_t *shm;
  CHECK_FAILS(ipc_shm_open(&shm, name, 10, IPC_CREATE, 0600), -EPERM, "CAP_CHOWN");
  CHECK_EQUAL(ipc_new_owner((uid_t)-1, (gid_t)-1), 0);
  CHECK_EQUAL(ipc_shm_open(&shm, name, 10, 0, 0), -ENOENT);
}

int main(void) {
  name = unique_name("new-owner");
  CLAIM("The value (uid_t)-1 or (gid_t)-1 stands for the usual one: the effective user or group of the process");
  CHECK_EQUAL(ipc_new_owner((uid_t)-1, (gid_t)-1), 0);
  CHECK_EQUAL(owner_of_new().st_uid, geteuid());
  CHECK_EQUAL(owner_of_new().st_gid, getegid());
  FINISH(start(without_right, NULL));
  if (geteuid() != 0) return 0;
  CLAIM("sets the user and the group that own the objects which the calling thread creates from now on");
  CHECK_EQUAL(ipc_new_owner(54321, 54322), 0);
  CHECK_EQUAL(owner_of_new().st_uid, 54321);
  CHECK_EQUAL(owner_of_new().st_gid, 54322);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, in_thread, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  FINISH(start(in_child, NULL));
  CLAIM("IPC_CHECK_OWNER refuses it to every other user.");
  ipc_shm_t *shm, *again;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 10, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_open(&again, name, 10, IPC_CHECK_OWNER, 0), -EACCES);
  CLAIM("It applies to no object that exists");
  CHECK_EQUAL(ipc_new_owner(54329, 54329), 0);
  CHECK_EQUAL(ipc_shm_open(&again, name, 10, IPC_CREATE, 0600), IPC_OPENED);
  struct stat status;
  char path[100];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK(stat(path, &status) == 0 && status.st_uid == 54321);
  CHECK_EQUAL(ipc_shm_close(again), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 0;
}
