/* Messages of 64 MiB, copied and in place. */
#include "queue.h"

enum { LENGTH = 64 << 20 };

static const char *name;

static void sender(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_queue(name, IPC_WRITE_ONLY);
  unsigned char *place;
  CHECK_EQUAL(ipc_mq_reserve(mq, (void **)&place, PATIENCE), 0);
  for (size_t i = 0; i < LENGTH; i += 4096) place[i] = (unsigned char)(i >> 12);
  place[LENGTH - 1] = 'e';
  CHECK_EQUAL(ipc_mq_commit(mq, place, LENGTH, 1), 0);
}

int main(void) {
  name = unique_name("64-mebibytes");
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = LENGTH };
  ipc_mq_t *mq;
  int opened = ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600);
  if (opened == -ENOSPC || opened == -ENOMEM) SKIP("/dev/shm is too small");
  CHECK_EQUAL(opened, IPC_CREATED);
  FINISH(start(sender, NULL));
  const unsigned char *borrowed;
  CHECK_EQUAL(ipc_mq_borrow(mq, (const void **)&borrowed, NULL, NULL, 0), LENGTH);
  for (size_t i = 0; i < LENGTH - 4096; i += 4096) CHECK_EQUAL(borrowed[i], (unsigned char)(i >> 12));
  CHECK_EQUAL(borrowed[LENGTH - 1], 'e');
  /* The message is copied from there into the queue, and out of the queue. */
  CHECK_EQUAL(ipc_mq_send(mq, borrowed, LENGTH, 7, 0), 0);
  CHECK_EQUAL(ipc_mq_return(mq, borrowed), 0);
  unsigned char *buffer = malloc(LENGTH);
  CHECK(buffer != NULL);
  CHECK_FAILS(ipc_mq_receive(mq, buffer, LENGTH - 1, NULL, 0), -EMSGSIZE, "67108864");
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, LENGTH, NULL, 0), LENGTH);
  for (size_t i = 0; i < LENGTH - 4096; i += 4096) CHECK_EQUAL(buffer[i], (unsigned char)(i >> 12));
  CHECK_EQUAL(buffer[LENGTH - 1], 'e');
  free(buffer);
  expect_all_room(mq, 2);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
