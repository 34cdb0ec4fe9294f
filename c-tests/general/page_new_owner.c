/* ipc_new_owner(3), sentence by sentence. general/new_owner.c has every kind of object. */
#include "page.h"

#include <grp.h>
#include <pthread.h>
#include <sys/stat.h>

#define USUAL_USER ((uid_t)-1)
#define USUAL_GROUP ((gid_t)-1)

static const char *name;
static gid_t other; /* a group that this process may give */

static struct stat status(void) {
  char path[64];
  struct stat found;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK(stat(path, &found) == 0);
  return found;
}

static void expect_group(gid_t group) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 64, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(status().st_gid, group);
  CHECK_EQUAL(status().st_uid, geteuid());
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

static void expect_other(void *unused) {
  (void)unused;
  expect_group(other);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
}

static void *expect_usual(void *unused) {
  (void)unused;
  expect_group(getegid());
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  return NULL;
}

static void give_without_right(void *unused) {
  (void)unused;
  if (geteuid() == 0) CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_new_owner(0, USUAL_GROUP), 0);
  CLAIM("The process may not give the object away, and nothing was created.");
  CHECK_EQUAL(ipc_shm_open(&shm, name, 64, IPC_CREATE, 0600), -EPERM);
  CHECK_EQUAL(ipc_new_owner(USUAL_USER, USUAL_GROUP), 0);
  CHECK_EQUAL(ipc_shm_open(&shm, name, 64, 0, 0), -ENOENT);
}

int main(void) {
  name = unique_name("page");
  gid_t groups[64];
  int count = getgroups(64, groups);
  other = geteuid() == 0 ? 12 : count > 0 ? groups[count - 1] : getegid();

  CHECK_EQUAL(ipc_new_owner(USUAL_USER, other), 0);
  expect_group(other);
  CLAIM("It applies to no object that exists");
  CHECK_EQUAL(ipc_new_owner(USUAL_USER, getegid()), 0);
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 64, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(status().st_gid, other);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);

  CHECK_EQUAL(ipc_new_owner(USUAL_USER, other), 0);
  CLAIM("Each thread has a setting of its own, which begins with the usual user and group.");
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, expect_usual, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CLAIM("the child has that of the thread that forked");
  FINISH(start(expect_other, NULL));
  CLAIM("stands for the usual one: the effective user or group of the process");
  CHECK_EQUAL(ipc_new_owner(USUAL_USER, USUAL_GROUP), 0);
  expect_usual(NULL);
  FINISH(start(give_without_right, NULL));
  return 0;
}
