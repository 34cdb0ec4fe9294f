/* Wrong arguments, closed handles, handles of the other direction and foreign handles are refused, and nothing changes. */
#include "topic.h"

int main(void) {
  const char *name = topic_name("arguments");
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4 }, wrong, found;
  ipc_topic_t *topic = (ipc_topic_t *)1, *taker;
  ipc_topic_stat_t stat;
  ipc_sample_t info;
  void *place;
  const void *sample;
  char buffer[8];
  CHECK_EQUAL(ipc_topic_open(NULL, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&topic, NULL, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&topic, "no-slash", &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_WRITE_ONLY, 0600), -ENOENT);
  CHECK_EQUAL(ipc_topic_open(&topic, name, NULL, IPC_READ_ONLY, 0600), -ENOENT);
  CHECK_FAILS(ipc_topic_open(&topic, name, NULL, IPC_CREATE | IPC_READ_ONLY, 0600), -EINVAL, "attr is NULL");
  CHECK_FAILS(ipc_topic_open(&topic, name, &attr, IPC_CREATE, 0600), -EINVAL, "IPC_READ_ONLY to subscribe");
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_READ_ONLY | IPC_WRITE_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_EXCLUSIVE | IPC_READ_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_KERNEL | IPC_READ_ONLY, 0600), -EINVAL);
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_READ_ONLY, 01600), -EINVAL);
  CHECK_EQUAL(
    ipc_topic_open(&topic, name, (void *)((char *)&attr + 1), IPC_CREATE | IPC_READ_ONLY, 0600), -EINVAL);
  for (int i = 0; i < 10; i++) {
    wrong = attr;
    if (i == 0) wrong.sample_size = 0;
    if (i == 1) wrong.capacity = 0;
    if (i == 2) wrong.history = 5;
    if (i == 3) wrong.max_subscribers = 4097;
    if (i == 4) wrong.max_publishers = 1025;
    if (i == 5) wrong.max_borrowed = 1025;
    if (i == 6) wrong.flags = 2;
    if (i == 7) wrong.reserved[6] = 1;
    if (i == 8) wrong.sample_size = SIZE_MAX / 2 + 1;
    if (i == 9) wrong.capacity = SIZE_MAX / 2 + 2;
    int expected = i == 8 && sizeof(size_t) == 4 ? -ENOMEM : -EINVAL; /* a 32-bit process has no room for the object */
    CHECK_EQUAL(ipc_topic_open(&topic, name, &wrong, IPC_CREATE | IPC_READ_ONLY, 0600), expected);
  }
  CHECK(topic == (ipc_topic_t *)1);
  topic = publisher(name, &attr);
  taker = subscriber(name);
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_EXCLUSIVE | IPC_WRITE_ONLY, 0600), -EEXIST);

  CHECK_EQUAL(ipc_topic_send(topic, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_topic_send(topic, "x", 1, -2), -EINVAL);
  CHECK_EQUAL(ipc_topic_reserve(topic, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_topic_commit(topic, NULL, 1), -EINVAL);
  CHECK_EQUAL(ipc_topic_abandon(topic, NULL), -EINVAL);
  CHECK_EQUAL(ipc_topic_receive(taker, NULL, 8, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_topic_receive(taker, buffer, 8, NULL, -2), -EINVAL);
  CHECK_EQUAL(ipc_topic_receive(taker, buffer, 8, (void *)(buffer + 1), 0), -EINVAL);
  CHECK_EQUAL(ipc_topic_borrow(taker, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_topic_borrow(taker, &sample, NULL, -7), -EINVAL);
  CHECK_EQUAL(ipc_topic_return(taker, NULL), -EINVAL);
  CHECK_EQUAL(ipc_topic_return(taker, buffer), -EINVAL);
  CHECK_EQUAL(ipc_topic_getattr(topic, NULL), -EINVAL);
  CHECK_EQUAL(ipc_topic_stat(topic, NULL), -EINVAL);
  CHECK_EQUAL(ipc_topic_unlink(NULL), -EINVAL);
  CHECK_EQUAL(ipc_topic_unlink("/ripc-test-no-such-topic"), -ENOENT);

  for (int round = 0; round < 3; round++) {
    /* The other direction, then handles that are closed, then NULL. */
    ipc_topic_t *in = round == 2 ? NULL : topic, *out = round == 2 ? NULL : taker;
    int error = round == 2 ? -EINVAL : -EBADF;
    CHECK_EQUAL(ipc_topic_send(round ? in : out, "x", 1, 0), error);
    CHECK_EQUAL(ipc_topic_reserve(round ? in : out, &place, 1, 0), error);
    CHECK_EQUAL(ipc_topic_commit(round ? in : out, buffer, 1), error);
    CHECK_EQUAL(ipc_topic_abandon(round ? in : out, buffer), error);
    CHECK_EQUAL(ipc_topic_receive(round ? out : in, buffer, 8, &info, 0), error);
    CHECK_EQUAL(ipc_topic_borrow(round ? out : in, &sample, &info, 0), error);
    CHECK_EQUAL(ipc_topic_return(round ? out : in, buffer), error);
    if (round > 0) {
      CHECK_EQUAL(ipc_topic_getattr(in, &found), error);
      CHECK_EQUAL(ipc_topic_stat(in, &stat), error);
      CHECK_EQUAL(ipc_topic_stale(out), error);
      CHECK_EQUAL(ipc_topic_close(in), round == 2 ? 0 : error);
    } else {
      CHECK_EQUAL(ipc_topic_close(topic), 0);
      CHECK_EQUAL(ipc_topic_close(taker), 0);
    }
  }
  CHECK_EQUAL(ipc_topic_receive((ipc_topic_t *)buffer, buffer, 8, NULL, 0), -EBADF);
  ipc_mq_t *mq;
  ipc_topic_t *kept = publisher(name, NULL);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), -EMEDIUMTYPE);
  const char *queue = unique_name("queue");
  CHECK_EQUAL(ipc_mq_open(&mq, queue, NULL, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&topic, queue, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_topic_unlink(queue), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_topic_send((ipc_topic_t *)mq, "x", 1, 0), -EBADF);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_topic_close(kept), 0);
  return 0;
}
