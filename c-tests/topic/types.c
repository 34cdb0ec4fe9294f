/* The type of the samples is checked when a topic is opened, and so are its sizes. The text shows both sides. */
#include "topic.h"

typedef struct { double x, y; } Point;
typedef struct { _Alignas(256) char bytes[256]; } Wide;

static const ipc_type_t point = IPC_TYPE(Point, 1), newer = IPC_TYPE(Point, 2);
static const ipc_type_t fields = IPC_TYPE_FIELDS(Point, 1, x, y);
static const ipc_type_t wide = IPC_TYPE(Wide, 1);

int main(void) {
  const char *name = topic_name("types");
  ipc_topic_t *topic, *other;
  ipc_topic_attr_t attr = { .type = &point, .capacity = 4 }, found, changed;
  CHECK_EQUAL(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_topic_open(&other, name, &attr, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_close(other), 0);
  const ipc_type_t *others[] = { &newer, &fields };
  for (int i = 0; i < 2; i++) {
    changed = attr;
    changed.type = others[i];
    CHECK_FAILS(ipc_topic_open(&other, name, &changed, IPC_READ_ONLY, 0), -EPROTO, "Point");
    CHECK_FAILS(ipc_topic_open(&other, name, &changed, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EPROTO, "Point");
  }
  changed.type = NULL;
  changed.sample_size = sizeof(Point);
  CHECK_EQUAL(ipc_topic_open(&other, name, &changed, IPC_READ_ONLY, 0), IPC_OPENED); /* no type: any type */
  CHECK_EQUAL(ipc_topic_getattr(other, &found), 0);
  CHECK(found.type == NULL);
  CHECK_EQUAL(found.sample_size, sizeof(Point));
  CHECK_EQUAL(found.capacity, 4);
  CHECK_EQUAL(found.history, 0);
  CHECK_EQUAL(found.max_subscribers, 64);
  CHECK_EQUAL(found.max_publishers, 8);
  CHECK_EQUAL(found.max_borrowed, 4);
  CHECK_EQUAL(found.flags, IPC_READ_ONLY);
  CHECK_EQUAL(ipc_topic_close(other), 0);
  CHECK_EQUAL(ipc_topic_open(&other, name, &found, IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_topic_close(other), 0);
  for (int i = 0; i < 7; i++) {
    changed = attr;
    if (i == 0) changed.sample_size = 2 * sizeof(Point);
    if (i == 1) changed.capacity = 5;
    if (i == 2) changed.history = 1;
    if (i == 3) changed.max_subscribers = 65;
    if (i == 4) changed.max_publishers = 9;
    if (i == 5) changed.max_borrowed = 5;
    if (i == 6) changed.flags = IPC_TOPIC_WAIT;
    CHECK_FAILS(ipc_topic_open(&other, name, &changed, IPC_READ_ONLY, 0), -EPROTO, "found sample_size 16");
  }
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  /* Bytes have no type. */
  attr = (ipc_topic_attr_t){ .sample_size = sizeof(Point), .capacity = 4 };
  topic = publisher(name, &attr);
  attr.type = &point;
  CHECK_EQUAL(ipc_topic_open(&other, name, &attr, IPC_READ_ONLY, 0), -EPROTO);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  /* Samples are aligned as their type is, and may be arrays of it. */
  attr = (ipc_topic_attr_t){ .type = &wide, .sample_size = 3 * sizeof(Wide), .capacity = 4, .max_subscribers = 2 };
  topic = publisher(name, &attr);
  other = subscriber(name);
  for (int i = 0; i < 20; i++) {
    void *place;
    const void *seen;
    CHECK_EQUAL(ipc_topic_reserve(topic, &place, sizeof(Wide), 0), 0);
    CHECK_EQUAL((size_t)place % 256, 0);
    CHECK_EQUAL(ipc_topic_commit(topic, place, 3 * sizeof(Wide)), 0);
    CHECK_EQUAL(ipc_topic_borrow(other, &seen, NULL, 0), 3 * sizeof(Wide));
    CHECK_EQUAL((size_t)seen % 256, 0);
    CHECK_EQUAL(ipc_topic_return(other, seen), 0);
  }
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_close(other), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
  attr.sample_size = sizeof(Wide) - 1;
  CHECK_FAILS(ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600), -EINVAL, "at least the 256 bytes");
  return 0;
}
