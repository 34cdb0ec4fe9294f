/* The rules of the queue in shared memory: the highest priority first, among equals the oldest; complete messages;
 * waiting, trying, deadlines and signals; errors that name sizes and directions. */
#include "asleep.h"

static void send_after_waiting(void *argument) {
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, argument, NULL, IPC_WRITE_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_send(mq, "from the child", 14, 7, PATIENCE), 0);
}

static void receive_one(void *argument) {
  ipc_mq_t *mq;
  char buffer[64];
  CHECK_EQUAL(ipc_mq_open(&mq, argument, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE), 1);
}

static void handler(int signal) { (void)signal; }

static void receive_interrupted(void *argument) {
  ipc_mq_t *mq;
  char buffer[64];
  struct sigaction action = { .sa_handler = handler };
  sigaction(SIGUSR1, &action, NULL);
  CHECK_EQUAL(ipc_mq_open(&mq, argument, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, IPC_FOREVER), -EINTR);
}

int main(void) {
  const char *name = unique_name("mq-rules");
  ipc_mq_t *mq, *other;
  ipc_mq_attr_t attr = { .max_messages = 3, .message_size = 64 };
  char buffer[64];
  unsigned priority = 99;

  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&other, name, &attr, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_open(&other, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  attr.max_messages = 4;
  CHECK_FAILS(
    ipc_mq_open(&other, name, &attr, IPC_CREATE, 0600), -EPROTO,
    "expected 4 messages of 64 bytes, found 3 messages of 64 bytes");

  /* Order. */
  CHECK_EQUAL(ipc_mq_send(mq, "low", 3, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "high 1", 6, IPC_MQ_PRIORITY_MAX, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "high 2", 6, IPC_MQ_PRIORITY_MAX, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "full", 4, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_send(mq, "full", 4, 0, MILLISECOND), -ETIMEDOUT);
  CHECK_FAILS(ipc_mq_receive(mq, buffer, 5, NULL, 0), -EMSGSIZE, "stays");
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 6);
  CHECK_EQUAL(priority, IPC_MQ_PRIORITY_MAX);
  CHECK(memcmp(buffer, "high 1", 6) == 0);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, 6, NULL, 0), 6);
  CHECK(memcmp(buffer, "high 2", 6) == 0);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 3);
  CHECK_EQUAL(priority, 0);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_send(mq, NULL, 0, 1, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 0);

  /* Bad input. */
  CHECK_FAILS(ipc_mq_send(mq, buffer, 65, 0, 0), -EMSGSIZE, "up to 64 bytes, this one has 65");
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, IPC_MQ_PRIORITY_MAX + 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_send(mq, NULL, 1, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_receive(mq, NULL, 1, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, -2), -EINVAL);
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_FAILS(ipc_mq_send(other, "x", 1, 0, 0), -EBADF, "IPC_READ_ONLY");
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_WRITE_ONLY, 0), IPC_OPENED);
  CHECK_FAILS(ipc_mq_receive(other, buffer, sizeof buffer, NULL, 0), -EBADF, "IPC_WRITE_ONLY");
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, IPC_NONBLOCK, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_receive(other, buffer, sizeof buffer, NULL, IPC_FOREVER), -EAGAIN);
  CHECK_EQUAL(ipc_mq_close(other), 0);

  /* A sleeping receiver is woken by a sender, a sleeping sender by a receiver. */
  pid_t child = start(send_after_waiting, (void *)name);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, PATIENCE), 14);
  CHECK_EQUAL(priority, 7);
  FINISH(child);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  child = start(send_after_waiting, (void *)name);
  wait_until_inside(child, SYS_futex);
  pid_t taker = start(receive_one, (void *)name);
  FINISH(taker);
  FINISH(child);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 14);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 1);

  child = start(receive_interrupted, (void *)name);
  wait_until_inside(child, SYS_futex);
  CHECK_EQUAL(interrupt_until_ended(child, SIGUSR1), 0);

  CHECK_EQUAL(ipc_mq_stale(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_stale(mq), 1);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), -ENOENT);
  CHECK_EQUAL(ipc_mq_send(mq, "still there", 11, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "closed", 6, 0, 0), -EBADF);
  return 0;
}
