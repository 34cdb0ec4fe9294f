/* A queue keeps the type of its messages, and refuses a program that declares another one. A program that declares none
 * opens any queue. */
#include "test.h"

typedef struct {
  int64_t time;
  double value;
} Sample;

typedef struct {
  double value;
  int64_t time;
} Other;

static const ipc_type_t sample = IPC_TYPE_FIELDS(Sample, 1, time, value);

static int open_with(ipc_mq_t **mq, const char *name, const ipc_type_t *type, size_t size, int flags) {
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = size, .type = type };
  return ipc_mq_open(mq, name, &attr, flags, 0600);
}

int main(void) {
  const char *name = unique_name("typed");
  ipc_mq_t *mq, *other;
  CHECK_EQUAL(open_with(&mq, name, &sample, 0, IPC_CREATE), IPC_CREATED);

  /* The size is the type's. */
  ipc_mq_attr_t attr;
  CHECK_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  CHECK_EQUAL(attr.message_size, sizeof(Sample));
  CHECK(attr.type == NULL);
  CHECK_EQUAL(ipc_mq_open(&other, name, &attr, 0, 0), IPC_OPENED);

  /* The messages pass as in any queue, of any length. */
  Sample sent = { 5, 0.5 }, received;
  CHECK_EQUAL(ipc_mq_send(mq, &sent, sizeof sent, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, &sent, 3, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive(other, &received, sizeof received, NULL, 0), (ssize_t)sizeof received);
  CHECK(received.time == 5 && received.value == 0.5);
  CHECK_EQUAL(ipc_mq_receive(other, &received, sizeof received, NULL, 0), 3);
  CHECK_EQUAL(ipc_mq_close(other), 0);

  /* Another type is refused, and the text names what differs. */
  static const ipc_type_t renamed = IPC_TYPE_FIELDS(Other, 1, value, time);
  static const ipc_type_t newer = IPC_TYPE_FIELDS(Sample, 2, time, value);
  static const ipc_type_t bare = IPC_TYPE(Sample, 1);
  ipc_type_t swapped = renamed, larger = sample;
  swapped.name = "Sample";
  larger.size = 24;
  other = (ipc_mq_t *)&other;
  CHECK_FAILS(open_with(&other, name, &renamed, 0, 0), -EPROTO, "expected type Other version 1, found Sample version 1");
  CHECK_FAILS(open_with(&other, name, &newer, 0, IPC_CREATE), -EPROTO, "version 2");
  CHECK_FAILS(open_with(&other, name, &bare, 0, 0), -EPROTO, "0 declared fields");
  CHECK_FAILS(open_with(&other, name, &swapped, 0, 0), -EPROTO, "field 1");
  CHECK_FAILS(open_with(&other, name, &larger, 0, 0), -EPROTO, "expected size 24");
  CHECK_FAILS(open_with(&other, name, &sample, 32, 0), -EPROTO, "32 bytes");
  CHECK_FAILS(open_with(&other, name, &sample, 8, 0), -EINVAL, "at least the 16 bytes");
  CHECK_EQUAL(open_with(&other, name, NULL, 0, 0), -EINVAL);
  CHECK(other == (ipc_mq_t *)&other);

  /* The same type, a program without attributes, and one with the sizes alone. */
  CHECK_EQUAL(open_with(&other, name, &sample, 0, IPC_CREATE), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(open_with(&other, name, NULL, sizeof(Sample), 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);

  /* A queue without a type refuses a program that expects one. */
  const char *untyped = unique_name("untyped");
  CHECK_EQUAL(open_with(&other, untyped, NULL, sizeof(Sample), IPC_CREATE), IPC_CREATED);
  ipc_mq_t *third;
  CHECK_FAILS(open_with(&third, untyped, &sample, 0, 0), -EPROTO, "without a type");
  CHECK_EQUAL(open_with(&third, untyped, NULL, sizeof(Sample), 0), IPC_OPENED);

  /* Larger messages than the type: a header with data behind it. */
  const char *header = unique_name("header");
  CHECK_EQUAL(open_with(&third, header, &sample, 100000, IPC_CREATE), IPC_CREATED);
  CHECK_EQUAL(open_with(&other, header, &sample, 0, 0), -EPROTO); /* the sizes count too */
  CHECK_EQUAL(open_with(&other, header, &sample, 100000, 0), IPC_OPENED);

  /* The kernel's queue holds no type. */
  ipc_mq_attr_t kernel = { .max_messages = 1, .message_size = 16, .type = &sample };
  CHECK_FAILS(ipc_mq_open(&other, unique_name("kernel"), &kernel, IPC_KERNEL | IPC_CREATE, 0600), -EINVAL, "no type");
  return 0;
}
