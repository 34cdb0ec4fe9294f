/* Owner, group and mode of the three kinds of objects change in one step, for their owner, their creator and root alone. Values can
 * be kept. A user that does not exist in a user namespace is no removed object. */
#include "sysv.h"

enum { NOBODY = 65534, OTHER = 65533 };
#define KEEP_USER ((uid_t)-1)
#define KEEP_GROUP ((gid_t)-1)
#define KEEP_MODE ((mode_t)-1)

static ipc_sysv_shm_t *shm;
static ipc_sysv_msg_t *queue;
static ipc_sysv_sem_t *set;

static void make(mode_t mode) {
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, 10, IPC_CREATE, mode), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, mode), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, mode), IPC_CREATED);
  remember(IPC_KIND_SYSV_SHM, ipc_sysv_shm_id(shm));
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
}

static int change(int kind, uid_t owner, gid_t group, mode_t mode) {
  switch (kind) {
    case 0: return ipc_sysv_shm_set_permissions(shm, owner, group, mode);
    case 1: return ipc_sysv_msg_set_permissions(queue, owner, group, mode);
    default: return ipc_sysv_sem_set_permissions(set, owner, group, mode);
  }
}

/* As plain programs see it. */
static void expect(int kind, uid_t owner, gid_t group, uid_t creator, mode_t mode) {
  union {
    struct shmid_ds shm;
    struct msqid_ds msg;
    struct semid_ds sem;
  } found;
  union {
    struct semid_ds *buf;
  } argument = { &found.sem };
  struct ipc_perm *perm = &found.shm.shm_perm;
  switch (kind) {
    case 0: CHECK(shmctl(ipc_sysv_shm_id(shm), IPC_STAT, &found.shm) == 0); break;
    case 1: CHECK(msgctl(ipc_sysv_msg_id(queue), IPC_STAT, &found.msg) == 0), perm = &found.msg.msg_perm; break;
    default: CHECK(semctl(ipc_sysv_sem_id(set), 0, IPC_STAT, argument) == 0), perm = &found.sem.sem_perm;
  }
  CHECK_EQUAL(perm->uid, owner);
  CHECK_EQUAL(perm->gid, group);
  CHECK_EQUAL(perm->cuid, creator);
  CHECK_EQUAL(perm->mode & 07777, mode);
}

static void become(uid_t user) {
  CHECK(setgid(user) == 0);
  CHECK(setuid(user) == 0);
}

static void stranger(void *kind) {
  become(OTHER);
  CHECK_FAILS(change(*(int *)kind, OTHER, OTHER, 0600), *(int *)kind == 1 ? -EACCES : -EPERM,
    *(int *)kind == 1 ? "mode" : "only its owner, its creator and root");
  CHECK_FAILS(change(*(int *)kind, KEEP_USER, OTHER, 0600), -EACCES, "mode");
}

static void reading_stranger(void *kind) {
  become(OTHER);
  CHECK_FAILS(change(*(int *)kind, OTHER, OTHER, 0600), -EPERM, "only its owner, its creator and root");
  CHECK_FAILS(change(*(int *)kind, KEEP_USER, KEEP_GROUP, 0666), -EPERM, "only its owner, its creator and root");
}

static void new_owner(void *kind) {
  become(NOBODY);
  CHECK_EQUAL(change(*(int *)kind, KEEP_USER, KEEP_GROUP, 0640), 0);
  expect(*(int *)kind, NOBODY, 7, 0, 0640);
}

/* The creator gives its object away and takes it back. */
static void creator(void *kind) {
  become(NOBODY);
  make(0600);
  CHECK_EQUAL(change(*(int *)kind, OTHER, KEEP_GROUP, KEEP_MODE), 0);
  expect(*(int *)kind, OTHER, NOBODY, NOBODY, 0600);
  CHECK_EQUAL(change(*(int *)kind, NOBODY, KEEP_GROUP, 0400), 0);
  expect(*(int *)kind, NOBODY, NOBODY, NOBODY, 0400);
  /* All three given: nothing has to be read. */
  CHECK_EQUAL(change(*(int *)kind, NOBODY, NOBODY, 0), 0);
  if (*(int *)kind != 1) CHECK_EQUAL(change(*(int *)kind, NOBODY, NOBODY, 0600), 0);
  CHECK_EQUAL(ipc_sysv_shm_remove(shm), 0);
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), 0);
  CHECK_EQUAL(ipc_sysv_sem_remove(set), 0);
}

static void without_numbers(void *kind) {
  if (unshare(CLONE_NEWUSER) != 0) _exit(77);
  CHECK_FAILS(change(*(int *)kind, 12345, 12345, 0600), -EINVAL, "does not exist in this user namespace");
}

static void receiver(void *unused) {
  (void)unused;
  become(NOBODY);
  char byte;
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, &byte, 1, IPC_MSG_ANY, 0, IPC_FOREVER), -EACCES);
}

static void among_users(void) {
  for (int kind = 0; kind < 3; kind++) {
    make(0600);
    FINISH(start(stranger, &kind));
    CHECK_EQUAL(change(kind, KEEP_USER, KEEP_GROUP, 0644), 0);
    FINISH(start(reading_stranger, &kind));
    CHECK_EQUAL(change(kind, NOBODY, 7, KEEP_MODE), 0);
    expect(kind, NOBODY, 7, 0, 0644);
    FINISH(start(new_owner, &kind));
    FINISH(start(creator, &kind));
    int status = wait_for(start(without_numbers, &kind));
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
  }
  make(0666);
  pid_t child = start(receiver, NULL);
  wait_until_inside(child, SYS_msgrcv);
  CHECK_EQUAL(change(1, KEEP_USER, KEEP_GROUP, 0600), 0);
  FINISH(child);
}

int main(void) {
  make(0600);
  uid_t user = geteuid();
  gid_t group = getegid();
  for (int kind = 0; kind < 3; kind++) {
    CHECK_EQUAL(change(kind, KEEP_USER, KEEP_GROUP, KEEP_MODE), 0);
    expect(kind, user, group, user, 0600);
    CHECK_EQUAL(change(kind, KEEP_USER, KEEP_GROUP, 0664), 0);
    expect(kind, user, group, user, 0664);
    CHECK_EQUAL(change(kind, user, group, 0606), 0);
    expect(kind, user, group, user, 0606);
    CHECK_FAILS(change(kind, KEEP_USER, KEEP_GROUP, 01600), -EINVAL, "up to 0777");
    CHECK_FAILS(change(kind, KEEP_USER, KEEP_GROUP, (mode_t)-2), -EINVAL, "up to 0777");
    expect(kind, user, group, user, 0606);
  }
  /* A removed segment is still attached. */
  CHECK_EQUAL(ipc_sysv_shm_remove(shm), 0);
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), 0);
  CHECK_EQUAL(ipc_sysv_sem_remove(set), 0);
  CHECK_EQUAL(change(0, KEEP_USER, group, 0640), 0);
  expect(0, user, group, user, 01640); /* SHM_DEST */
  for (int kind = 1; kind < 3; kind++) {
    CHECK_FAILS(change(kind, KEEP_USER, KEEP_GROUP, 0640), -EIDRM, "removed");
    CHECK_FAILS(change(kind, user, group, 0640), -EIDRM, "removed");
  }
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  if (user == 0) among_users();
  return 0;
}
