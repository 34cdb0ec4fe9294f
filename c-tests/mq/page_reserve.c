/* ipc_mq_reserve(3), sentence by sentence. */
#include "page.h"

#include <pthread.h>

static ipc_mq_t *mq;

static void *use_of_another(void *message) {
  CLAIM("Another thread gets -EPERM.");
  CHECK_EQUAL(ipc_mq_abandon(mq, message), -EPERM);
  CHECK_EQUAL(ipc_mq_commit(mq, message, 1, 0), -EPERM);
  return NULL;
}

static void borrow_and_die(void *unused) {
  (void)unused;
  const void *message;
  CHECK(ipc_mq_borrow(mq, &message, NULL, NULL, 0) >= 0);
  _exit(0);
}

static long messages(void) {
  ipc_mq_attr_t attr;
  CHECK_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  return (long)attr.current_messages;
}

int main(void) {
  const char *name = unique_name("page");
  ipc_mq_attr_t attr = { .max_messages = 3, .message_size = 100 };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  void *first, *second, *third, *fourth;
  CLAIM("gives the address of message_size bytes in the queue, aligned to 64 bytes");
  CHECK_EQUAL(ipc_mq_reserve(mq, &first, 0), 0);
  CHECK_EQUAL((uintptr_t)first % 64, 0);
  memset(first, 'a', 100);
  CLAIM("A thread may reserve several messages. Each takes the room of one message.");
  CHECK_EQUAL(ipc_mq_reserve(mq, &second, 0), 0);
  CHECK_EQUAL(ipc_mq_reserve(mq, &third, 0), 0);
  CLAIM("the queue is full");
  CHECK_EQUAL(ipc_mq_reserve(mq, &fourth, 0), -EAGAIN);
  CLAIM("timeout_ns has passed; nothing was reserved or borrowed");
  CHECK_EQUAL(ipc_mq_reserve(mq, &fourth, MILLISECOND), -ETIMEDOUT);
  CLAIM("Reserved and borrowed messages take room, but current_messages does not count them.");
  CHECK_EQUAL(messages(), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, use_of_another, first), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CLAIM("len is more than the queue's message_size. The message is still reserved.");
  CHECK_EQUAL(ipc_mq_commit(mq, second, 101, 0), -EMSGSIZE);
  CLAIM("the priority is above IPC_MQ_PRIORITY_MAX");
  CHECK_EQUAL(ipc_mq_commit(mq, second, 1, IPC_MQ_PRIORITY_MAX + 1), -EINVAL);
  CLAIM("They are sent in the order of ipc_mq_commit().");
  memcpy(second, "second", 6);
  CHECK_EQUAL(ipc_mq_commit(mq, second, 6, 1), 0);
  CHECK_EQUAL(ipc_mq_commit(mq, first, 100, 1), 0);
  CLAIM("gives the room back and sends nothing");
  CHECK_EQUAL(ipc_mq_abandon(mq, third), 0);
  CHECK_EQUAL(messages(), 2);
  CLAIM("the address does not belong to a message of this handle, or the message is not reserved or borrowed any more");
  CHECK_EQUAL(ipc_mq_abandon(mq, third), -EINVAL);
  CHECK_EQUAL(ipc_mq_commit(mq, first, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_return(mq, &attr), -EINVAL);

  const void *message, *other;
  unsigned priority;
  uint32_t redeliveries = 99;
  CLAIM("takes the message that ipc_mq_receive(3) would take, and gives its address, aligned to 64 bytes");
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, &priority, &redeliveries, 0), 6);
  CHECK_EQUAL((uintptr_t)message % 64, 0);
  CHECK(memcmp(message, "second", 6) == 0);
  CHECK_EQUAL(priority, 1);
  CHECK_EQUAL(redeliveries, 0);
  CLAIM("A thread may borrow several messages and return them in any order.");
  CHECK_EQUAL(ipc_mq_borrow(mq, &other, NULL, NULL, 0), 100);
  CLAIM("The message keeps its room in the queue until ipc_mq_return()");
  CHECK_EQUAL(ipc_mq_send(mq, "sent", 4, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "sent", 4, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  CHECK_EQUAL(ipc_mq_return(mq, other), 0);
  CHECK_EQUAL(ipc_mq_return(mq, other), -EINVAL);

  CLAIM("how often the message was borrowed before by a thread that died, or ended, before it returned the message");
  for (int i = 0; i < 2; i++) FINISH(start(borrow_and_die, NULL));
  CLAIM("borrow a message that was sent");
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, &redeliveries, PATIENCE), 4);
  CHECK_EQUAL(redeliveries, 2);
  CHECK_EQUAL(ipc_mq_return(mq, message), 0);
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_borrow(mq, NULL, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_reserve(mq, &first, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CLAIM("The handle is closed, or was opened for the other direction.");
  CHECK_EQUAL(ipc_mq_reserve(mq, &first, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_reserve(mq, &first, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  return 0;
}
