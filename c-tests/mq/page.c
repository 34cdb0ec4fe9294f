/* ipc_mq(3), sentence by sentence. Other tests of this folder have waiting, deaths, descriptors and notifications. */
#include "page.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char *name;
static ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 64 };

static int64_t file_size(const char *of) {
  char path[128];
  struct stat status;
  snprintf(path, sizeof path, "/dev/shm%s", of);
  CHECK_EQUAL(stat(path, &status), 0);
  return status.st_size;
}

static uint64_t up(uint64_t number, uint64_t to) { return (number + to - 1) / to * to; }

static void opening(void) {
  ipc_mq_t *mq, *other;
  ipc_mq_attr_t found;
  CLAIM("With attr NULL, a new queue has 10 messages of 8192 bytes");
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_getattr(mq, &found), 0);
  CHECK_EQUAL(found.max_messages, 10);
  CHECK_EQUAL(found.message_size, 8192);
  CLAIM("10 messages of 8192 bytes take 88 KiB");
  CHECK(file_size(name) <= 88 * 1024);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CLAIM("the umask does not count");
  mode_t before = umask(0777);
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  umask(before);
  CLAIM("The result may be given to ipc_mq_open().");
  CHECK_EQUAL(ipc_mq_getattr(mq, &found), 0);
  CHECK_EQUAL(ipc_mq_open(&other, name, &found, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CLAIM("With IPC_CREATE: fail if the queue exists.");
  CHECK_EQUAL(ipc_mq_open(&other, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CHECK_EQUAL(ipc_mq_open(&other, name, &attr, IPC_EXCLUSIVE, 0600), -EINVAL);
  CLAIM("Open for receiving only.");
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_send(other, "a", 1, 0, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CLAIM("Open for sending only.");
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_WRITE_ONLY, 0), IPC_OPENED);
  char text[64];
  CHECK_EQUAL(ipc_mq_receive(other, text, sizeof text, NULL, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CLAIM("Calls on this handle that would wait for room or for a message return -EAGAIN, whatever their timeout.");
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_NONBLOCK, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_receive(other, text, sizeof text, NULL, IPC_FOREVER), -EAGAIN);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CLAIM("Not possible with IPC_KERNEL.");
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_CREATE | IPC_KERNEL | IPC_MQ_OVERWRITE, 0600), -EINVAL);
  CLAIM("If it returns 1, a process that opens the name does not get this queue.");
  CHECK_EQUAL(ipc_mq_stale(mq), 0);
  CLAIM("Processes that have the queue open keep it, with its messages.");
  CHECK_EQUAL(ipc_mq_send(mq, "kept", 4, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_stale(mq), 1);
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, NULL, 0), 4);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

static void memory(void) {
  CLAIM("1216 + 12 R + 4 N + 12 L + N (64 + S)");
  const uint64_t more = IS_MUSL ? 64 : 0; /* its list of robust locks takes more room in each lock */
  static const uint64_t counts[] = { 1, 4, 10, 1000, 40000 }, sizes[] = { 1, 64, 100, 8192 };
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    for (size_t j = 0; j < (i == 4 ? 2 : sizeof sizes / sizeof sizes[0]); j++) {
      uint64_t n = counts[i], s = up(sizes[j], 64), r = 1, l = n < 32768 ? n : 32768;
      while (r < n) r *= 2;
      ipc_mq_attr_t of = { .max_messages = (uint32_t)n, .message_size = (uint32_t)sizes[j] };
      ipc_mq_t *mq;
      CHECK_EQUAL(ipc_mq_open(&mq, name, &of, IPC_CREATE, 0600), IPC_CREATED);
      uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
      uint64_t bytes = 1216 + 2 * more + up(8 * r, 64) + up(4 * r, 64) + up(4 * n, 64) + up(12 * l, 64) + n * (64 + more + s);
      CHECK_EQUAL(file_size(name), up(bytes, page) + page);
      CHECK_EQUAL(ipc_mq_close(mq), 0);
      CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
    }
}

static void messages(void) {
  ipc_mq_t *mq;
  char text[64];
  unsigned priority = 0;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CLAIM("The message with the highest priority is received first; of several, the oldest.");
  CHECK_EQUAL(ipc_mq_send(mq, "low", 3, 1, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "older", 5, 7, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "newer!", 6, 7, 0), 0);
  CLAIM("tells the priority of the next message, and takes nothing");
  CHECK_EQUAL(ipc_mq_peek_priority(mq, &priority), 0);
  CHECK_EQUAL(priority, 7);
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, &priority, 0), 5);
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, &priority, 0), 6);
  CLAIM("priority may be NULL");
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, NULL, 0), 3);
  CLAIM("IPC_FOREVER waits without a limit; 0 only tries.");
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, NULL, MILLISECOND), -ETIMEDOUT);
  CLAIM("sends len bytes, 0 or more, with a priority from 0 to IPC_MQ_PRIORITY_MAX (32767)");
  CHECK_EQUAL(IPC_MQ_PRIORITY_MAX, 32767);
  CHECK_EQUAL(ipc_mq_send(mq, "", 0, 32767, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "a", 1, 32768, 0), -EINVAL);
  CLAIM("returns the message's length in bytes, which may be 0");
  CHECK_EQUAL(ipc_mq_receive(mq, text, 0, &priority, 0), 0);
  CHECK_EQUAL(priority, 32767);
  CLAIM("capacity must be enough for the message that is taken.");
  CHECK_EQUAL(ipc_mq_send(mq, "12345", 5, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, text, 4, NULL, 0), -EMSGSIZE);
  CHECK_EQUAL(ipc_mq_receive(mq, text, 5, NULL, 0), 5);

  CLAIM("Then they send as many as there is room for, or take as many as there are, and return how many.");
  ipc_mq_message_t batch[6];
  for (int i = 0; i < 6; i++) batch[i] = (ipc_mq_message_t){ .data = "text", .len = 4, .priority = 3 };
  CHECK_EQUAL(ipc_mq_send_many(mq, batch, 6, 0), 4);
  CHECK_EQUAL(ipc_mq_send_many(mq, batch, 1, 0), -EAGAIN);
  CLAIM("1 or more, and 0 only for count 0");
  CHECK_EQUAL(ipc_mq_send_many(mq, batch, 0, 0), 0);
  char buffers[6][64];
  for (int i = 0; i < 6; i++) batch[i] = (ipc_mq_message_t){ .data = buffers[i], .len = 64 };
  CLAIM("A message that is too long for its buffer ends the batch before it.");
  batch[2].len = 3;
  CHECK_EQUAL(ipc_mq_receive_many(mq, batch, 6, 0), 2);
  CLAIM("A receive sets len, priority and redeliveries");
  CHECK_EQUAL(batch[0].len, 4);
  CHECK_EQUAL(batch[0].priority, 3);
  batch[2].len = 64;
  CHECK_EQUAL(ipc_mq_receive_many(mq, batch + 2, 4, 0), 2);
  CLAIM("So does a later message that cannot be sent: one that is too long, or whose priority or address is wrong.");
  for (int i = 0; i < 3; i++) batch[i] = (ipc_mq_message_t){ .data = "text", .len = 4 };
  batch[1].len = 65;
  CHECK_EQUAL(ipc_mq_send_many(mq, batch, 3, 0), 1);
  batch[1].len = 4, batch[1].priority = 40000;
  CHECK_EQUAL(ipc_mq_send_many(mq, batch, 3, 0), 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);

  CLAIM("A message that this handle sends into a full queue displaces the oldest message of the lowest priority in the queue.");
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_MQ_OVERWRITE, 0), IPC_OPENED);
  while (ipc_mq_receive(mq, text, sizeof text, NULL, 0) >= 0) continue;
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_mq_send(mq, &"0123"[i], 1, i < 2 ? 1 : 5, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "4", 1, 1, 0), 0);
  CLAIM("If all other messages have a higher priority, the new message itself is dropped, and sending it succeeds.");
  CHECK_EQUAL(ipc_mq_send(mq, "5", 1, 0, 0), 0);
  CLAIM("ipc_mq_stat() counts the dropped messages.");
  ipc_mq_stat_t stat;
  CHECK_EQUAL(ipc_mq_stat(mq, &stat), 0);
  CHECK_EQUAL(stat.dropped, 2);
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, NULL, 0), 1);
    CHECK_EQUAL(text[0], "2314"[i]);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
}

int main(void) {
  name = unique_name("page");
  opening();
  memory();
  messages();
  return 0;
}
