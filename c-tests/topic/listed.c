/* A topic is listed as one object of its kind. ipc_remove() and ipc_topic_unlink() remove both of its files, and ipc_topic_stale() tells.
 * What is left of a topic whose file somebody else has removed goes with the next topic. */
#include "topic.h"
#include <sys/stat.h>

static int hidden_files(const char *name) {
  struct stat status;
  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  static unsigned long long inode;
  if (stat(path, &status) == 0) inode = status.st_ino & 0xffffffff;
  int count = 0;
  DIR *directory = opendir("/dev/shm");
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    unsigned long long identity;
    if (sscanf(entry->d_name, ".robustipc-topic-%llx", &identity) == 1) count += (identity & 0xffffffff) == inode;
  }
  closedir(directory);
  return count;
}

static int listed(const char *name, int kinds) {
  ipc_list_t *list;
  ipc_object_t object;
  int count = 0;
  CHECK_EQUAL(ipc_list(&list, kinds), 0);
  while (ipc_list_next(list, &object) == 1) {
    CHECK(strstr(object.name, "robustipc-topic") == NULL);
    if (strcmp(object.name, name) != 0) continue;
    count++;
    CHECK_EQUAL(object.kind, IPC_KIND_TOPIC);
    CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
    CHECK_EQUAL(object.mode, 0600);
    CHECK_EQUAL(object.users, 1);
    CHECK_EQUAL(object.count, 2);
    CHECK_EQUAL(object.capacity, 4);
  }
  CHECK_EQUAL(ipc_list_close(list), 0);
  return count;
}

int main(void) {
  const char *name = topic_name("listed");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4 };
  ipc_topic_t *topic = publisher(name, &attr), *taker = subscriber(name), *newer;
  publish(topic, 1);
  publish(topic, 2);
  CHECK_EQUAL(listed(name, IPC_KIND_TOPIC), 1);
  CHECK_EQUAL(listed(name, IPC_KIND_ALL), 1);
  CHECK_EQUAL(listed(name, IPC_KIND_ALL & ~IPC_KIND_TOPIC), 0);
  CHECK_EQUAL(hidden_files(name), 1);
  CHECK_EQUAL(ipc_topic_stale(topic), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, name, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_remove(IPC_KIND_TOPIC, name, 0), 0);
  CHECK_EQUAL(hidden_files(name), 0);
  CHECK_EQUAL(ipc_topic_stale(topic), 1);
  CHECK_EQUAL(ipc_topic_stale(taker), 1);
  /* The old topic works on, beside a new one of its name. */
  newer = publisher(name, &attr);
  CHECK_EQUAL(ipc_topic_stale(taker), 1);
  publish(newer, 9);
  expect(taker, 1, 1, 0);
  publish(topic, 3);
  expect(taker, 2, 2, 0);
  expect(taker, 3, 3, 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  CHECK_EQUAL(hidden_files(name), 1);
  CHECK_EQUAL(ipc_topic_close(newer), 0);
  /* Removed by another program. */
  CHECK_EQUAL(shm_unlink(name), 0);
  CHECK_EQUAL(hidden_files(name), 1);
  CHECK_EQUAL(ipc_topic_unlink(name), -ENOENT);
  CHECK_EQUAL(hidden_files(name), 0);
  return 0;
}
