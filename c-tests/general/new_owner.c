/* ipc_new_owner() gives every kind of object with a name to another user and group before others can use it. A thread
 * that may not do that gets -EPERM with a text, and nothing is created. The setting belongs to one thread, and a child
 * that was forked has it. */
#include "test.h"
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sys/stat.h>

enum { USER = 54321, GROUP = 54322, KINDS = 12 };

static const ipc_type_t type = IPC_TYPE(int, 1);
static char directory[] = "/tmp/ripc-test-XXXXXX", path[100];
static const char *name;

static pid_t parent;

static void remove_directory(void) {
  if (getpid() == parent) rmdir(directory);
}

/* Creates an object of this kind under `name` or `path`, and ends its use. Returns the first call's result. */
static int create(int kind) {
  ipc_mq_attr_t mq_attr = { .max_messages = 2, .message_size = 16 };
  ipc_topic_attr_t topic_attr = { .sample_size = 16, .capacity = 4 };
  ipc_service_attr_t service_attr = { .request_size = 16, .reply_size = 16 };
  ipc_shm_t *shm;
  ipc_sem_t *sem;
  ipc_mq_t *mq;
  ipc_topic_t *topic;
  ipc_cell_t *cell;
  ipc_service_t *service;
  int result;
  switch (kind) {
    case 0: if ((result = ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0640)) >= 0) ipc_shm_close(shm); return result;
    case 1: if ((result = ipc_shm_open(&shm, name, 10, IPC_CREATE, 0640)) >= 0) ipc_shm_close(shm); return result;
    case 2: if ((result = ipc_shm_open_file(&shm, path, &type, IPC_CREATE, 0640)) >= 0) ipc_shm_close(shm); return result;
    case 3: if ((result = ipc_sem_open(&sem, name, 1, IPC_CREATE, 0640)) >= 0) ipc_sem_close(sem); return result;
    case 4: if ((result = ipc_sem_open(&sem, name, 1, IPC_CREATE | IPC_POSIX, 0640)) >= 0) ipc_sem_close(sem); return result;
    case 5: if ((result = ipc_mq_open(&mq, name, &mq_attr, IPC_CREATE, 0640)) >= 0) ipc_mq_close(mq); return result;
    case 6:
      if ((result = ipc_mq_open(&mq, name, &mq_attr, IPC_CREATE | IPC_KERNEL, 0640)) >= 0) ipc_mq_close(mq);
      return result == -ENOSYS || result == -EMFILE ? 1000 : result;
    case 7: if ((result = ipc_topic_open(&topic, name, &topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0640)) >= 0) ipc_topic_close(topic); return result;
    case 8: if ((result = ipc_cell_open(&cell, name, &type, IPC_CREATE, 0640)) >= 0) ipc_cell_close(cell); return result;
    case 9: if ((result = ipc_service_open(&service, name, &service_attr, IPC_CREATE, 0640)) >= 0) ipc_service_close(service); return result;
    case 10: return ipc_fifo_create(path, IPC_EXCLUSIVE, 0640);
    default: if ((result = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0640)) >= 0) close(result); return result < 0 ? result : IPC_CREATED;
  }
}

/* Whether the object exists; with its owner. It is then removed. */
static int exists(int kind, struct stat *status) {
  char shown[200];
  switch (kind) {
    case 2: case 10: case 11: snprintf(shown, sizeof shown, "%s", path); break;
    case 4: snprintf(shown, sizeof shown, "/dev/shm/sem.%s", name + 1); break;
    case 6: {
      mqd_t queue = mq_open(name, O_RDONLY);
      if (queue == (mqd_t)-1) return 0;
      CHECK_EQUAL(fstat((int)queue, status), 0);
      mq_close(queue);
      CHECK_EQUAL(mq_unlink(name), 0);
      return 1;
    }
    default: snprintf(shown, sizeof shown, "/dev/shm%s", name); break;
  }
  if (lstat(shown, status) != 0) return 0;
  CHECK_EQUAL(kind == 7 ? ipc_topic_unlink(name) : unlink(shown), 0);
  return 1;
}

static void expect_owner(int kind, uid_t user, gid_t group) {
  struct stat status;
  int result = create(kind);
  if (result == 1000) return;
  CHECK_EQUAL(result, IPC_CREATED);
  if (!exists(kind, &status)) test_failed(__FILE__, __LINE__, "kind %d was not created", kind);
  if (status.st_uid != user || status.st_gid != group || (status.st_mode & 07777) != 0640)
    test_failed(__FILE__, __LINE__, "kind %d: user %d, group %d, mode %o", kind, (int)status.st_uid, (int)status.st_gid,
                status.st_mode & 07777);
}

static void is_refused(void *unused) {
  (void)unused;
  struct stat status;
  for (int kind = 0; kind < KINDS; kind++) {
    CHECK_EQUAL(ipc_new_owner(USER, (gid_t)-1), 0);
    int result = create(kind);
    if (result == 1000) continue;
    CHECK_EQUAL(result, -EPERM);
    CHECK_LAST_ERROR("user 54321: that needs CAP_CHOWN");
    CHECK(!exists(kind, &status));
    CHECK_EQUAL(ipc_new_owner((uid_t)-1, GROUP), 0);
    CHECK_EQUAL(create(kind), -EPERM);
    CHECK_LAST_ERROR("group 54322");
    CHECK(!exists(kind, &status));
    /* One's own ids need no right. */
    CHECK_EQUAL(ipc_new_owner(getuid(), getgid()), 0);
    expect_owner(kind, getuid(), getgid());
    CHECK_EQUAL(ipc_new_owner((uid_t)-1, (gid_t)-1), 0);
    expect_owner(kind, getuid(), getgid());
  }
}

static void *usual(void *unused) {
  (void)unused;
  expect_owner(0, geteuid(), getegid());
  return NULL;
}

static void in_child(void *unused) {
  (void)unused;
  expect_owner(0, USER, GROUP);
}

static void is_refused_as_other(void *unused) {
  CHECK_EQUAL(setgid(65534), 0);
  CHECK_EQUAL(setuid(65534), 0);
  is_refused(unused);
}

int main(void) {
  umask(077);
  name = unique_name("new-owner");
  CHECK(mkdtemp(directory) != NULL);
  parent = getpid();
  atexit(remove_directory);
  snprintf(path, sizeof path, "%s/object", directory);
  if (geteuid() != 0) {
    is_refused(NULL);
    return 0;
  }
  CHECK_EQUAL(ipc_new_owner(USER, GROUP), 0);
  for (int kind = 0; kind < KINDS; kind++) expect_owner(kind, USER, GROUP);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, usual, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  FINISH(start(in_child, NULL));
  /* A topic's subscribers find its second file as they need it. */
  ipc_topic_attr_t attr = { .sample_size = 16, .capacity = 4 };
  ipc_topic_t *topic, *subscriber;
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0660), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&subscriber, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_close(subscriber), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  CHECK_EQUAL(ipc_new_owner((uid_t)-1, GROUP), 0);
  for (int kind = 0; kind < KINDS; kind++) expect_owner(kind, 0, GROUP);
  CHECK_EQUAL(ipc_new_owner((uid_t)-1, (gid_t)-1), 0);
  for (int kind = 0; kind < KINDS; kind++) expect_owner(kind, 0, getegid());
  CHECK_EQUAL(chmod(directory, 0777), 0);
  FINISH(start(is_refused_as_other, NULL));
  return 0;
}
