/* In a user namespace whose users have no numbers, all of them are shown as one user. IPC_CHECK_OWNER refuses a stranger's object there
 * too, of every kind, and accepts this process's own object where the kernel can tell. */
#include "namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/stat.h>

enum { STRANGER = 3001, USER = 3002 };

static const char *strangers_shm, *own_shm, *strangers_mq, *own_mq, *strangers_kernel_mq, *strangers_sem, *strangers_posix;
static int strangers_sysv, own_sysv;
static const ipc_type_t type = IPC_TYPE(long, 1);
static const ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 16 };

static void become(uid_t user) {
  CHECK(setgroups(0, NULL) == 0 && setgid(user) == 0 && setuid(user) == 0);
}

static void make_strangers(void *ids) {
  ipc_shm_t *shm;
  ipc_mq_t *mq;
  ipc_sem_t *sem;
  ipc_sysv_shm_t *sysv;
  become(STRANGER);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, strangers_shm, &type, IPC_CREATE, 0604), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&mq, strangers_mq, &attr, IPC_CREATE, 0644), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&mq, strangers_kernel_mq, &attr, IPC_CREATE | IPC_KERNEL, 0644), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&sem, strangers_sem, 1, IPC_CREATE, 0644), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&sem, strangers_posix, 1, IPC_CREATE | IPC_POSIX, 0644), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_shm_open(&sysv, IPC_SYSV_PRIVATE, 100, IPC_CREATE, 0644), IPC_CREATED);
  *(int *)ids = ipc_sysv_shm_id(sysv);
  _exit(0);
}

#define REFUSED(call) \
  do { \
    CHECK_EQUAL((call), -EACCES); \
    CHECK(strlen(ipc_last_error()) > 20); \
  } while (0)

static void use_strangers(void) {
  ipc_shm_t *shm;
  ipc_mq_t *mq;
  ipc_sem_t *sem;
  ipc_sysv_shm_t *sysv;
  REFUSED(ipc_shm_open_typed(&shm, strangers_shm, &type, IPC_READ_ONLY | IPC_CHECK_OWNER, 0));
  REFUSED(ipc_mq_open(&mq, strangers_kernel_mq, NULL, IPC_READ_ONLY | IPC_KERNEL | IPC_CHECK_OWNER, 0));
  REFUSED(ipc_sysv_shm_open_id(&sysv, strangers_sysv, 100, IPC_READ_ONLY | IPC_CHECK_OWNER));
  REFUSED(ipc_sem_open(&sem, strangers_posix, 0, IPC_POSIX | IPC_CHECK_OWNER, 0));
}

static void user(void *unused) {
  (void)unused;
  ipc_shm_t *shm;
  ipc_mq_t *mq;
  ipc_sysv_shm_t *sysv;
  become(USER);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, own_shm, &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_mq_open(&mq, own_mq, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_sysv_shm_open(&sysv, IPC_SYSV_PRIVATE, 100, IPC_CREATE, 0600), IPC_CREATED);
  own_sysv = ipc_sysv_shm_id(sysv);
  CHECK_EQUAL(ipc_sysv_shm_close(sysv), 0);
  CHECK_EQUAL(ipc_sysv_shm_open_id(&sysv, own_sysv, 100, IPC_CHECK_OWNER), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_remove(sysv), 0);
  CHECK_EQUAL(ipc_sysv_shm_close(sysv), 0);
  use_strangers();
  if (unshare(CLONE_NEWUSER) != 0) _exit(77);
  struct stat mine;
  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s", strangers_shm);
  CHECK_EQUAL(stat(path, &mine), 0);
  CHECK_EQUAL(mine.st_uid, geteuid()); /* what makes the numbers useless */
  use_strangers();
  CHECK_EQUAL(ipc_shm_open_typed(&shm, own_shm, &type, IPC_CHECK_OWNER, 0), IPC_OPENED);
  CHECK_EQUAL(fcntl(ipc_shm_fd(shm), F_GETFL) & O_NOATIME, 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_mq_open(&mq, own_mq, NULL, IPC_CHECK_OWNER, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  /* A queue that one may not write to cannot be opened at all. */
  CHECK_EQUAL(ipc_mq_open(&mq, strangers_mq, NULL, IPC_CHECK_OWNER, 0), -EACCES);
  _exit(0);
}

int main(void) {
  if (geteuid() != 0) SKIP("needs root, to become two other users");
  strangers_shm = unique_name("shm");
  own_shm = unique_name("own");
  strangers_mq = unique_name("mq");
  own_mq = unique_name("own-mq");
  strangers_kernel_mq = unique_name("kernel");
  strangers_sem = unique_name("sem");
  strangers_posix = unique_name("posix");
  int *ids = shared_memory(sizeof *ids);
  FINISH(start(make_strangers, ids));
  strangers_sysv = *ids;
  int status = wait_for(start(user, NULL));
  (void)mq_unlink(strangers_kernel_mq);
  (void)ipc_sem_unlink_posix(strangers_posix);
  (void)ipc_sysv_shm_remove_id(strangers_sysv);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("user namespaces are not permitted");
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return 0;
}
