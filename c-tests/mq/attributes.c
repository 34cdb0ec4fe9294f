/* A new queue has the requested attributes. For an existing queue the attributes must agree, and the error names both
 * sides. Defaults, spin_ns, and impossible values, which are -EINVAL. */
#include "queue.h"

static const char *name;

static int open_with(ipc_mq_attr_t attr, int flags) {
  ipc_mq_t *mq = NULL;
  int result = ipc_mq_open(&mq, name, &attr, flags, 0600);
  if (result >= 0) CHECK_EQUAL(ipc_mq_close(mq), 0);
  return result;
}

static void expect(ipc_mq_t *mq, size_t messages, size_t size, int spin_ns, int flags) {
  ipc_mq_attr_t attr;
  memset(&attr, 0xff, sizeof attr);
  CHECK_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  CHECK_EQUAL(attr.max_messages, messages);
  CHECK_EQUAL(attr.message_size, size);
  CHECK_EQUAL(attr.current_messages, 0);
  CHECK_EQUAL(attr.spin_ns, spin_ns);
  CHECK_EQUAL(attr.flags, flags);
  for (int i = 0; i < 4; i++) CHECK_EQUAL(attr.reserved[i], 0);
}

static void make_with_spin(int given, int found) {
  ipc_mq_t *mq;
  ipc_mq_attr_t attr = { .max_messages = 7, .message_size = 33, .spin_ns = given };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  expect(mq, 7, 33, found, 0);
  /* spin_ns is fixed by the creator. An opener's value has no effect, and is no mismatch. */
  attr.spin_ns = 123;
  CHECK_EQUAL(open_with(attr, IPC_CREATE), IPC_OPENED);
  expect(mq, 7, 33, found, 0);
  char byte;
  CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
}

int main(void) {
  name = unique_name("attributes");
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE, 0600), IPC_CREATED);
  expect(mq, 10, 8192, 50000, 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  ipc_mq_attr_t attr = { .max_messages = 11, .message_size = 8192 };
  CHECK_FAILS(open_with(attr, IPC_CREATE), -EPROTO, "expected 11 messages of 8192 bytes, found 10 messages of 8192 bytes");
  CHECK_FAILS(open_with(attr, 0), -EPROTO, name);
  attr.max_messages = 10;
  attr.message_size = 8191;
  CHECK_FAILS(open_with(attr, 0), -EPROTO, "expected 10 messages of 8191 bytes");
  attr.message_size = 8192;
  CHECK_EQUAL(open_with(attr, 0), IPC_OPENED);
  static const int flags[] = { IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK, IPC_MQ_OVERWRITE, IPC_READ_ONLY | IPC_NONBLOCK };
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    mq = join_queue(name, flags[i]);
    expect(mq, 10, 8192, 50000, flags[i]);
    CHECK_EQUAL(ipc_mq_close(mq), 0);
  }
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);

  static const ipc_mq_attr_t impossible[] = {
    { .max_messages = 0, .message_size = 8 },
    { .max_messages = 8, .message_size = 0 },
#if SIZE_MAX > UINT32_MAX
    { .max_messages = SIZE_MAX, .message_size = 8 },
    { .max_messages = 8, .message_size = SIZE_MAX },
    { .max_messages = (size_t)1 << 32, .message_size = 8 },
    { .max_messages = 8, .message_size = (size_t)1 << 32 },
#endif
    { .max_messages = 8, .message_size = 8, .spin_ns = -2 },
    { .max_messages = 8, .message_size = 8, .reserved = { 0, 0, 0, 1 } },
  };
  for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
    CHECK_EQUAL(open_with(impossible[i], IPC_CREATE), -EINVAL);
#if SIZE_MAX == UINT32_MAX
  CHECK_FAILS(open_with((ipc_mq_attr_t){ .max_messages = 8, .message_size = SIZE_MAX }, IPC_CREATE), -ENOMEM, "address space");
  CHECK_FAILS(open_with((ipc_mq_attr_t){ .max_messages = 1 << 20, .message_size = 1 << 20 }, IPC_CREATE), -ENOMEM, "address space");
#endif
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_READ_ONLY | IPC_WRITE_ONLY, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 1 << 30, 0), -EINVAL);

  make_with_spin(0, 50000);
  make_with_spin(IPC_MQ_NO_SPIN, IPC_MQ_NO_SPIN);
  make_with_spin(1, 1);
  make_with_spin(100000, 100000);
  make_with_spin(INT32_MAX, INT32_MAX);
  return 0;
}
