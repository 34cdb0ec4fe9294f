/* A subscriber that writes anything into the second file harms neither the publisher nor a sample. A subscriber whose announcement it has
 * removed learns that from ipc_topic_return(). Damage of the topic itself is reported, and nothing crashes. */
#include "topic.h"
#include <fcntl.h>
#include <sys/stat.h>

static const char *name;

/* Maps the second file, and sets its size. */
static unsigned char *map_hidden(size_t *size) {
  struct stat status;
  char path[300];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(stat(path, &status), 0);
  unsigned long long inode = status.st_ino & 0xffffffff, identity;
  DIR *directory = opendir("/dev/shm");
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (sscanf(entry->d_name, ".robustipc-topic-%llx", &identity) != 1 || (identity & 0xffffffff) != inode) continue;
    snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0 && fstat(fd, &status) == 0);
    unsigned char *memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED);
    close(fd);
    closedir(directory);
    *size = (size_t)status.st_size - 4096;
    return memory;
  }
  test_failed(__FILE__, __LINE__, "no second file");
}

static uint32_t random_state = 1;
static uint32_t random_number(void) { return random_state = random_state * 1664525 + 1013904223; }

int main(void) {
  name = topic_name("hostile");
  ipc_topic_attr_t attr = { .sample_size = 64, .capacity = 3, .max_subscribers = 4, .max_borrowed = 3 };
  ipc_topic_t *topic = publisher(name, &attr), *taker = subscriber(name);
  size_t size;
  unsigned char *hidden = map_hidden(&size);
  const void *sample;
  uint64_t value = 1;
  /* An announcement that was removed, and the sample overwritten. */
  publish(topic, value);
  CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, 0), 8);
  memset(hidden + 64 + 32, 0, 12);
  for (int i = 0; i < 200; i++) publish(topic, ++value);
  CHECK_FAILS(ipc_topic_return(taker, sample), -EUCLEAN, "announcement");
  CHECK_EQUAL(ipc_topic_return(taker, sample), -EINVAL);
  CHECK_EQUAL(ipc_topic_close(taker), 0);
  taker = subscriber(name);
  uint64_t last = value;
  for (int round = 0; round < 3000; round++) {
    for (int i = 0; i < 8; i++) {
      size_t place = 8 + random_number() % (size - 8);
      hidden[place] = (unsigned char)(random_number() >> 16);
    }
    value++;
    CHECK_EQUAL(ipc_topic_send(topic, &value, sizeof value, 0), 0);
    uint64_t found = 0;
    ipc_sample_t info;
    /* Its own position is private, so the subscriber is not disturbed. */
    ssize_t length = ipc_topic_receive(taker, &found, sizeof found, &info, 0);
    CHECK_EQUAL(length, 8);
    CHECK(found == info.number && found > last);
    CHECK_EQUAL(info.missed, round == 0 ? 0 : found - last - 1);
    last = found;
  }
  munmap(hidden, size + 4096);
  (void)ipc_topic_close(taker);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  /* A topic in which a publisher writes anything: results may be anything, but nothing crashes or hangs. */
  for (int round = 0; round < 300; round++) {
    attr.flags = round % 2 ? IPC_TOPIC_WAIT : 0;
    topic = publisher(name, &attr);
    taker = subscriber(name);
    char path[128];
    snprintf(path, sizeof path, "/dev/shm%s", name);
    int fd = open(path, O_RDWR);
    struct stat status;
    CHECK(fd >= 0 && fstat(fd, &status) == 0);
    for (int step = 0; step < 20; step++) {
      for (int i = 0; i < 4; i++) {
        uint32_t word = step % 3 ? random_number() : random_number() % 70;
        off_t place = (off_t)(random_number() >> 8) % ((status.st_size - 4096) / 4) * 4;
        if (i % 2) place = place % 2048 / 4 * 4;
        if (place >= 64 && place < 104) continue; /* the latch: a living thread's id there means that it holds it */
        CHECK_EQUAL(pwrite(fd, &word, 4, place), 4);
      }
      char buffer[64];
      void *reserved;
      ipc_topic_stat_t stat;
      (void)ipc_topic_send(topic, buffer, 64, 0);
      if (ipc_topic_reserve(topic, &reserved, 64, 0) == 0) {
        memset(reserved, 1, 64);
        if (ipc_topic_commit(topic, reserved, 64) < 0) (void)ipc_topic_abandon(topic, reserved);
      }
      (void)ipc_topic_receive(taker, buffer, sizeof buffer, NULL, 0);
      if (ipc_topic_borrow(taker, &sample, NULL, 0) >= 0) (void)ipc_topic_return(taker, sample);
      (void)ipc_topic_stat(topic, &stat);
      ipc_topic_t *more;
      if (ipc_topic_open(&more, name, NULL, IPC_READ_ONLY, 0) >= 0) (void)ipc_topic_close(more);
    }
    close(fd);
    (void)ipc_topic_close(topic);
    (void)ipc_topic_close(taker);
    CHECK_EQUAL(shm_unlink(name), 0);
  }
  (void)ipc_topic_unlink(name);
  return 0;
}
