/* ipc_topic(3), sentence by sentence. Other tests of this folder have deaths, waiting publishers and damage. */
#include "page.h"

#include <poll.h>
#include <sys/stat.h>

static const ipc_type_t type = IPC_TYPE(int, 1), wrong = IPC_TYPE(long, 1);
static const char *name;

static uint64_t up(uint64_t number, uint64_t to) { return (number + to - 1) / to * to; }
static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void sizes(void) {
  CLAIM("first = round(round(index, align) + slots * stride, 4096) + 4096");
  static const size_t capacities[] = { 1, 10, 1000 }, samples[] = { 1, 100, 5000 };
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      for (uint64_t alignment = 4; alignment <= 256; alignment *= 64) {
        ipc_type_t of = { "Bytes", 1, 0, (size_t)up(samples[j], alignment), (size_t)alignment, { { NULL, 0, 0 } } };
        ipc_topic_attr_t attr = { .type = &of, .capacity = capacities[i], .max_subscribers = 3, .max_publishers = 2, .max_borrowed = 1 };
        uint64_t slots = attr.capacity + 3 * 1 + 2 * (1 + 1), align = larger(128, alignment);
        uint64_t stride = up(larger(64, alignment) + of.size, align);
        uint64_t index = 2432 + up(16 * 2, 64) + up(8 * attr.capacity, 64) + 3 * up(4 * slots, 64);
        ipc_topic_t *topic;
        CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_WRITE_ONLY | IPC_CREATE, 0600), IPC_CREATED);
        char path[128];
        struct stat status;
        snprintf(path, sizeof path, "/dev/shm%s", name);
        CHECK_EQUAL(stat(path, &status), 0);
        if (sysconf(_SC_PAGESIZE) == 4096)
          CHECK_EQUAL(status.st_size, up(up(index, align) + slots * stride, 4096) + 4096);
        CHECK_EQUAL(ipc_topic_close(topic), 0);
        CHECK_EQUAL(ipc_topic_unlink(name), 0);
      }
}

int main(void) {
  name = unique_name("page");
  ipc_topic_t *publisher, *subscriber, *late;
  ipc_topic_attr_t attr = { .type = &type, .capacity = 3, .history = 2, .max_borrowed = 2, .max_subscribers = 2 };
  ipc_sample_t info;
  int value;
  CLAIM("There is no such topic.");
  CHECK_EQUAL(ipc_topic_open(&publisher, name, &attr, IPC_WRITE_ONLY, 0), -ENOENT);
  CLAIM("neither or both of IPC_READ_ONLY and IPC_WRITE_ONLY are set, or the topic has to be created and attr is NULL");
  CHECK_EQUAL(ipc_topic_open(&publisher, name, &attr, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&publisher, name, &attr, IPC_CREATE | IPC_READ_ONLY | IPC_WRITE_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&publisher, name, NULL, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&publisher, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  CLAIM("A program that opens it with another type is refused, and one that gives NULL is not.");
  ipc_topic_attr_t other = attr;
  other.type = &wrong;
  CHECK_EQUAL(ipc_topic_open(&subscriber, name, &other, IPC_READ_ONLY, 0), -EPROTO);
  CHECK_EQUAL(ipc_topic_open(&subscriber, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CLAIM("With IPC_CREATE: fail if the topic exists.");
  CHECK_EQUAL(ipc_topic_open(&late, name, &attr, IPC_WRITE_ONLY | IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CLAIM("The handle is closed, or has the other direction.");
  CHECK_EQUAL(ipc_topic_receive(publisher, &value, sizeof value, &info, 0), -EBADF);
  CHECK_EQUAL(ipc_topic_send(subscriber, &value, sizeof value, 0), -EBADF);
  CLAIM("there is no sample, and timeout_ns is 0 or the handle has IPC_NONBLOCK");
  CHECK_EQUAL(ipc_topic_receive(subscriber, &value, sizeof value, &info, 0), -EAGAIN);
  CLAIM("timeout_ns has passed. Nothing was published or taken.");
  CHECK_EQUAL(ipc_topic_receive(subscriber, &value, sizeof value, &info, MILLISECOND), -ETIMEDOUT);
  CLAIM("The first one has number 1, and each one has the next number.");
  for (int i = 1; i <= 2; i++) {
    int64_t before = now_ns();
    CHECK_EQUAL(ipc_topic_send(publisher, &i, sizeof i, 0), 0);
    CHECK_EQUAL(ipc_topic_receive(subscriber, &value, sizeof value, &info, 0), sizeof value);
    CHECK_EQUAL(value, i);
    CHECK_EQUAL(info.number, i);
    CHECK_EQUAL(info.missed, 0);
    CHECK(info.time_ns >= before && info.time_ns <= now_ns());
    CLAIM("the id of the process that published it");
    CHECK_EQUAL(info.publisher, getpid());
  }
  CLAIM("It misses samples, and missed says how many.");
  for (int i = 3; i <= 8; i++) CHECK_EQUAL(ipc_topic_send(publisher, &i, sizeof i, 0), 0);
  CHECK_EQUAL(ipc_topic_receive(subscriber, &value, sizeof value, &info, 0), sizeof value);
  CLAIM("number is the number of the sample before, plus missed, plus 1");
  CHECK_EQUAL(info.number, 2 + info.missed + 1);
  CHECK_EQUAL(info.number, 6);
  CLAIM("A subscriber that opens the topic gets up to history samples that were published before, and then all that follow.");
  CHECK_EQUAL(ipc_topic_open(&late, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_receive(late, &value, sizeof value, &info, 0), sizeof value);
  CHECK_EQUAL(info.number, 7);
  CLAIM("The topic has max_subscribers subscribers or max_publishers publishers, and all their processes are alive.");
  ipc_topic_t *third;
  CHECK_EQUAL(ipc_topic_open(&third, name, NULL, IPC_READ_ONLY, 0), -EUSERS);
  CHECK_EQUAL(ipc_topic_close(late), 0);
  CLAIM("the sample is longer than the buffer. It stays, and the next call gets it.");
  CHECK_EQUAL(ipc_topic_receive(subscriber, &value, 1, &info, 0), -EMSGSIZE);
  CHECK_EQUAL(ipc_topic_receive(subscriber, &value, sizeof value, &info, 0), sizeof value);
  CHECK_EQUAL(info.number, 7);
  CLAIM("len is more than sample_size");
  CHECK_EQUAL(ipc_topic_send(publisher, "123456789", 9, 0), -EMSGSIZE);

  CLAIM("What a subscriber has borrowed is never overwritten.");
  const void *sample, *second, *none;
  CHECK_EQUAL(ipc_topic_borrow(subscriber, &sample, &info, 0), sizeof value);
  CHECK_EQUAL(info.number, 8);
  for (int i = 9; i <= 40; i++) CHECK_EQUAL(ipc_topic_send(publisher, &i, sizeof i, 0), 0);
  CHECK_EQUAL(*(const int *)sample, 8);
  CLAIM("the handle has max_borrowed samples reserved or borrowed");
  CHECK(ipc_topic_borrow(subscriber, &second, &info, 0) > 0);
  CHECK_EQUAL(ipc_topic_borrow(subscriber, &none, &info, 0), -ENOBUFS);
  CLAIM("this process has a sample of the handle reserved or borrowed");
  CHECK_EQUAL(ipc_topic_close(subscriber), -EBUSY);
  CHECK_EQUAL(ipc_topic_return(subscriber, sample), 0);
  CHECK_EQUAL(ipc_topic_return(subscriber, second), 0);
  CLAIM("the address is not that of a sample that this handle has reserved or borrowed in this process");
  CHECK_EQUAL(ipc_topic_return(subscriber, second), -EINVAL);
  CLAIM("gives the address of sample_size bytes in the topic, aligned to 64 bytes and to the alignment of the type");
  void *written;
  CHECK_EQUAL(ipc_topic_reserve(publisher, &written, sizeof value, 0), 0);
  CHECK_EQUAL((uintptr_t)written % 64, 0);
  CLAIM("gives it back unpublished");
  CHECK_EQUAL(ipc_topic_abandon(publisher, written), 0);
  CHECK_EQUAL(ipc_topic_reserve(publisher, &written, sizeof value, 0), 0);
  *(int *)written = 41;
  CHECK_EQUAL(ipc_topic_commit(publisher, written, sizeof value), 0);
  CLAIM("how many samples were published since the topic was created");
  ipc_topic_stat_t stat;
  CHECK_EQUAL(ipc_topic_stat(publisher, &stat), 0);
  CHECK_EQUAL(stat.published, 41);
  CHECK_EQUAL(stat.publishers, 1);
  CHECK_EQUAL(stat.subscribers, 1);
  CLAIM("which is readable while the handle has a sample to take");
  int fd = ipc_topic_fd(subscriber);
  CHECK(fd >= 3);
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, 0), 1);
  CLAIM("Processes that have the topic open keep it, and learn from ipc_topic_stale() that its name is gone.");
  CHECK_EQUAL(ipc_topic_stale(publisher), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  CHECK_EQUAL(ipc_topic_stale(publisher), 1);
  CHECK_EQUAL(ipc_topic_send(publisher, &value, sizeof value, 0), 0);
  CHECK_EQUAL(ipc_topic_close(publisher), 0);
  CHECK_EQUAL(ipc_topic_close(subscriber), 0);
  CHECK_EQUAL(ipc_topic_send(publisher, &value, sizeof value, 0), -EBADF);
  sizes();
  return 0;
}
