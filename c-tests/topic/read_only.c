/* A user who may only read a topic can subscribe and not publish. Its mapping of the samples cannot be written. The mode of the
 * topic is exact; who may read the topic may write its subscribers' file. */
#include "topic.h"
#include <sys/stat.h>

static const char *name;
static ipc_topic_t *topic;

static void hidden_path(char *path, size_t size) {
  DIR *directory = opendir("/dev/shm");
  struct stat status, first;
  char own[128];
  snprintf(own, sizeof own, "/dev/shm%s", name);
  CHECK_EQUAL(stat(own, &first), 0);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    unsigned long long identity;
    if (sscanf(entry->d_name, ".robustipc-topic-%llx", &identity) != 1) continue;
    if ((identity & 0xffffffff) != (first.st_ino & 0xffffffff)) continue;
    snprintf(path, size, "/dev/shm/%s", entry->d_name);
    CHECK_EQUAL(stat(path, &status), 0);
    closedir(directory);
    return;
  }
  test_failed(__FILE__, __LINE__, "%s has no second file", name);
}

static void write_to_sample(void *unused) {
  (void)unused;
  ipc_topic_t *taker = subscriber(name);
  const void *sample;
  CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, PATIENCE), 8);
  *(volatile uint64_t *)(size_t)sample = 1;
}

static void be_another_user(void *unused) {
  (void)unused;
  ipc_topic_t *taker, *other;
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(77);
  CHECK_EQUAL(ipc_topic_open(&other, name, NULL, IPC_WRITE_ONLY, 0), -EACCES);
  CHECK_EQUAL(ipc_topic_open(&other, name, NULL, IPC_READ_ONLY | IPC_CHECK_OWNER, 0), -EACCES);
  taker = subscriber(name);
  CHECK_EQUAL(ipc_topic_send(taker, "x", 1, 0), -EBADF);
  const void *sample;
  CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, PATIENCE), 8);
  CHECK_EQUAL(*(const uint64_t *)sample, 2);
  CHECK_EQUAL(ipc_topic_return(taker, sample), 0);
  expect(taker, 3, 3, 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  int result = ipc_topic_unlink(name);
  CHECK(result == -EPERM || result == -EACCES);
}

static void be_refused(void *unused) {
  (void)unused;
  ipc_topic_t *taker;
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(77);
  CHECK_EQUAL(ipc_topic_open(&taker, name, NULL, IPC_READ_ONLY, 0), -EACCES);
}

int main(void) {
  static const mode_t modes[][2] = { { 0600, 0600 }, { 0640, 0660 }, { 0644, 0666 }, { 0660, 0660 }, { 0604, 0606 } };
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4, .history = 2 };
  char path[300];
  struct stat status;
  name = topic_name("read-only");
  umask(077);
  for (int i = 0; i < 5; i++) {
    CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_EXCLUSIVE | IPC_READ_ONLY, modes[i][0]), IPC_CREATED);
    snprintf(path, sizeof path, "/dev/shm%s", name);
    CHECK_EQUAL(stat(path, &status), 0);
    CHECK_EQUAL(status.st_mode & 07777, modes[i][0]);
    hidden_path(path, sizeof path);
    CHECK_EQUAL(stat(path, &status), 0);
    CHECK_EQUAL(status.st_mode & 07777, modes[i][1]);
    CHECK_EQUAL(ipc_topic_close(topic), 0);
    CHECK_EQUAL(ipc_topic_unlink(name), 0);
    CHECK(stat(path, &status) == -1 && errno == ENOENT);
  }
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0644), IPC_CREATED);
  for (uint64_t i = 1; i <= 3; i++) publish(topic, i);
  if (!UNDER_SANITIZERS) {
    int wait_status = wait_for(start(write_to_sample, NULL));
    CHECK(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSEGV);
  }
  if (geteuid() != 0) SKIP("only root can become another user");
  FINISH(start(be_another_user, NULL));
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(chmod(path, 0600), 0);
  FINISH(start(be_refused, NULL));
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  return 0;
}
