/* The two files of a topic have the sizes that the manual's formula gives, and the number of its slots is the manual's too. */
#include "topic.h"
#include <sys/stat.h>

#define LARGER(a, b) ((a) > (b) ? (a) : (b))

typedef struct { _Alignas(512) char bytes[512]; } Wide;
static const ipc_type_t wide = IPC_TYPE(Wide, 1);

static size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static void check(const ipc_topic_attr_t *attr, size_t type_alignment) {
  const char *name = topic_name("formula");
  topic_name_count = 1;
  size_t size = attr->sample_size ? attr->sample_size : sizeof(Wide);
  size_t subscribers = attr->max_subscribers ? attr->max_subscribers : 64;
  size_t publishers = attr->max_publishers ? attr->max_publishers : 8;
  size_t borrowed = attr->max_borrowed ? attr->max_borrowed : 4;
  size_t slots = attr->capacity + subscribers * borrowed + publishers * (borrowed + 1);
  size_t align = LARGER(128, type_alignment);
  size_t stride = up(LARGER(64, type_alignment) + size, align);
  size_t index = 2432 + up(16 * publishers, 64) + up(8 * attr->capacity, 64) + 3 * up(4 * slots, 64);
  size_t first = up(up(index, align) + slots * stride, 4096) + 4096;
  size_t second = up(64 + subscribers * up(32 + 4 * borrowed, 64), 4096) + 4096;
  ipc_topic_t *topic = publisher(name, attr);
  CHECK_EQUAL(state_of_topic(topic).slots, slots);
  struct stat status;
  char path[300];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(status.st_size, first);
  CHECK(status.st_blocks * 512 >= status.st_size); /* all of it is reserved */
  unsigned long long inode = status.st_ino & 0xffffffff, identity;
  DIR *directory = opendir("/dev/shm");
  int found = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (sscanf(entry->d_name, ".robustipc-topic-%llx", &identity) != 1 || (identity & 0xffffffff) != inode) continue;
    snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
    CHECK_EQUAL(stat(path, &status), 0);
    CHECK_EQUAL(status.st_size, second);
    found++;
  }
  closedir(directory);
  CHECK_EQUAL(found, 1);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
}

int main(void) {
  if (sysconf(_SC_PAGESIZE) != 4096) SKIP("the formula is for pages of 4096 bytes");
  check(&(ipc_topic_attr_t){ .sample_size = 64, .capacity = 8 }, 1);
  check(&(ipc_topic_attr_t){ .sample_size = 1, .capacity = 1, .max_subscribers = 1, .max_publishers = 1, .max_borrowed = 1 }, 1);
  check(&(ipc_topic_attr_t){ .sample_size = 100000, .capacity = 3, .max_subscribers = 5, .max_publishers = 2, .max_borrowed = 9 }, 1);
  check(&(ipc_topic_attr_t){ .sample_size = 129, .capacity = 1000, .max_subscribers = 300, .max_borrowed = 17 }, 1);
  check(&(ipc_topic_attr_t){ .type = &wide, .capacity = 10 }, 512);
  return 0;
}
