/* A process that has locked itself up where there is no /proc, and a process whose main thread has ended: threads and children go
 * on with locks and queues, and what needs /proc is right or refused. */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/socket.h>

typedef struct {
  ipc_mutex_t mutex;
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
} Places;

static Places *places;
static ipc_mq_t *mq;

static void use_all(void) {
  unsigned permit;
  CHECK_EQUAL(ipc_mutex_lock(&places->mutex, PATIENCE), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&places->mutex), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&places->rwlock, PATIENCE), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&places->rwlock), 0);
  CHECK_EQUAL(ipc_permits_take(&places->permits, &permit, PATIENCE), 0);
  CHECK_EQUAL(ipc_permits_give(&places->permits, permit), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
}

static void *in_thread(void *argument) {
  use_all();
  return argument;
}

static void in_child(void *argument) {
  (void)argument;
  use_all();
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
  _exit(0);
}

static void locked_up(void *argument) {
  const char *directory = argument;
  if (chroot(directory) != 0 || chdir("/") != 0) _exit(99);
  use_all();
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK_EQUAL(wait_for(start(in_child, NULL)), 0);
  _exit(0);
}

static void *after_main(void *argument) {
  while (state_of(getpid()) != 'Z') sched_yield(); /* until the main thread has ended */
  const char *path = argument;
  alarm(20);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0666), IPC_CREATED);
  int fd = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0);
  CHECK(fd >= 3);
  use_all();
  /* An object that this process alone has open is in use. */
  const char *name = unique_name("main-gone");
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  ipc_list_t *list;
  ipc_object_t object;
  int users = -1;
  CHECK(ipc_list(&list, IPC_KIND_SHM) >= 0);
  while (ipc_list_next(list, &object) == 1)
    if (strcmp(object.name, name) == 0) users = (int)object.users;
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CHECK_EQUAL(users, 1);
  CHECK_EQUAL(ipc_fifo_unlink(path), 0);
  _exit(0);
}

static void main_ends(void *argument) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, after_main, argument) == 0);
  pthread_exit(NULL);
}

/* A thread with its own table of descriptors: the same numbers are other files in the process's table. */
static void *own_table(void *argument) {
  const char *path = argument;
  CHECK(unshare(CLONE_FILES) == 0);
  /* Numbers that only this table has: the main table has other files there, or none. */
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  CHECK(bind(server, (struct sockaddr *)&address, sizeof address) == 0 && listen(server, 1) == 0);
  CHECK_EQUAL(ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600), -EADDRINUSE);
  CHECK(unlink(path) == 0);
  CHECK_EQUAL(ipc_fifo_create(path, 0, 0666), IPC_CREATED);
  int fd = ipc_fifo_open(path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN, 0);
  struct stat status;
  CHECK(fd >= 3 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode));
  CHECK(unlink(path) == 0);
  return NULL;
}

static void tables(void *argument) {
  /* The next numbers of the main table lead to regular files. */
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, own_table, argument) == 0);
  for (int i = 0; i < 8; i++) (void)memfd_create("other", MFD_CLOEXEC);
  CHECK(pthread_join(thread, NULL) == 0);
  _exit(0);
}

int main(void) {
  ipc_shm_t *memory;
  CHECK_EQUAL(ipc_shm_anonymous(&memory, sizeof *places), 0);
  places = ipc_shm_data(memory);
  CHECK_EQUAL(ipc_mutex_init(&places->mutex, 0), 0);
  CHECK_EQUAL(ipc_rwlock_init(&places->rwlock), 0);
  CHECK_EQUAL(ipc_permits_init(&places->permits, 3), 0);
  const char *name = unique_name("without-proc");
  ipc_mq_attr_t attr = { .max_messages = 64, .message_size = 8 };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);

  static char path[108]; /* it outlives the main thread's stack */
  const char *directory = getenv("TMPDIR");
  snprintf(path, sizeof path, "%.60s/%.40s", directory ? directory : "/tmp", name + 1);
  CHECK_EQUAL(wait_for(start(main_ends, path)), 0);
  CHECK_EQUAL(wait_for(start(tables, path)), 0);

  CHECK(mkdir(path, 0700) == 0);
  int status = wait_for(start(locked_up, path));
  CHECK(rmdir(path) == 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 99) SKIP("chroot is not allowed");
  CHECK_EQUAL(status, 0);
  return 0;
}
