/* A batch sends as many messages as there is room for, or receives as many as there are, in order, each with its
 * priority, also in more than one section. A failure in the middle ends the batch, and the result counts the messages
 * before it. */
#include "queue.h"

enum { MESSAGES = 200 };

static char texts[MESSAGES + 1][8];
static ipc_mq_message_t messages[MESSAGES + 1];

static void describe(size_t length) {
  for (int i = 0; i <= MESSAGES; i++) {
    snprintf(texts[i], sizeof texts[i], "%d", i);
    messages[i] = (ipc_mq_message_t){ .data = texts[i], .len = length ? length : strlen(texts[i]), .priority = 0 };
  }
}

static void clear(void) {
  memset(texts, 0, sizeof texts);
  for (int i = 0; i <= MESSAGES; i++) messages[i] = (ipc_mq_message_t){ .data = texts[i], .len = 8, .priority = 77 };
}

int main(void) {
  const char *name = unique_name("batches");
  ipc_mq_t *mq = make_queue(name, MESSAGES, 16);

  CHECK_EQUAL(ipc_mq_send_many(mq, messages, 0, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 0, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mq_send_many(mq, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_receive_many(mq, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 1, 0), -EINVAL); /* no buffer */
  clear();
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 5, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 5, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(messages[0].priority, 77);

  /* More messages than there is room for. */
  describe(0);
  CHECK_EQUAL(ipc_mq_send_many(mq, messages, MESSAGES + 1, IPC_FOREVER), MESSAGES);
  CHECK_EQUAL(ipc_mq_send_many(mq, messages, 3, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mq_send_many(mq, messages, 3, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(count_of(mq), MESSAGES);
  /* More messages than there are. */
  clear();
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 150, 0), 150);
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages + 150, 51, IPC_FOREVER), 50);
  for (int i = 0; i < MESSAGES; i++) {
    char expected[8];
    snprintf(expected, sizeof expected, "%d", i);
    CHECK_EQUAL(messages[i].len, strlen(expected));
    CHECK(strcmp(texts[i], expected) == 0);
    CHECK_EQUAL(messages[i].priority, 0);
    CHECK_EQUAL(messages[i].redeliveries, 0);
  }

  /* Priorities. */
  describe(0);
  for (int i = 0; i < 5; i++) messages[i].priority = (unsigned)i % 3;
  CHECK_EQUAL(ipc_mq_send_many(mq, messages, 5, 0), 5);
  clear();
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 5, 0), 5);
  const char *order[] = { "2", "1", "4", "0", "3" };
  for (int i = 0; i < 5; i++) CHECK(strcmp(texts[i], order[i]) == 0);
  CHECK_EQUAL(messages[1].priority, 1);

  /* A buffer that is too small ends the batch. As the first buffer it makes the call fail. */
  describe(4);
  CHECK_EQUAL(ipc_mq_send_many(mq, messages, 5, 0), 5);
  clear();
  messages[2].len = 3;
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, 5, 0), 2);
  CHECK_EQUAL(messages[2].len, 3);
  CHECK_FAILS(ipc_mq_receive_many(mq, messages + 2, 3, 0), -EMSGSIZE, "stays");
  CHECK_EQUAL(count_of(mq), 3);
  messages[2].len = 4;
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages + 2, 3, 0), 3);
  CHECK(strcmp(texts[2], "2") == 0);

  /* A message that cannot be sent ends the batch before it. As the first message it makes the call fail. */
  describe(0);
  messages[1].priority = IPC_MQ_PRIORITY_MAX + 1;
  CHECK_EQUAL(ipc_mq_send_many(mq, messages, 3, 0), 1);
  CHECK_EQUAL(ipc_mq_send_many(mq, messages + 1, 2, 0), -EINVAL);
  describe(0);
  messages[2].len = 17;
  CHECK_EQUAL(ipc_mq_send_many(mq, messages + 1, 3, 0), 1);
  CHECK_EQUAL(ipc_mq_send_many(mq, messages + 2, 2, 0), -EMSGSIZE);
  CHECK_EQUAL(count_of(mq), 2);
  clear();
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, MESSAGES, 0), 2);
  describe(0);
  messages[150].data = NULL;
  ssize_t sent = ipc_mq_send_many(mq, messages, MESSAGES, 0);
  CHECK(sent > 0 && sent <= 150);
  CHECK_EQUAL(count_of(mq), sent);
  clear();
  messages[sent - 1].data = NULL;
  ssize_t received = ipc_mq_receive_many(mq, messages, MESSAGES, 0);
  CHECK(received > 0 && received < sent);
  CHECK_EQUAL(count_of(mq), sent - received);
  clear();
  CHECK_EQUAL(ipc_mq_receive_many(mq, messages, MESSAGES, 0), sent - received);
  expect_all_room(mq, MESSAGES);

  /* Long messages among short ones. */
  ipc_mq_t *large = make_queue(unique_name("large"), 8, 10000);
  static char long_text[10000], places[8][10000];
  memset(long_text, 'l', sizeof long_text);
  describe(0);
  for (int i = 1; i < 8; i += 3) messages[i] = (ipc_mq_message_t){ .data = long_text, .len = sizeof long_text };
  CHECK_EQUAL(ipc_mq_send_many(large, messages, 9, 0), 8);
  for (int i = 0; i < 8; i++) messages[i] = (ipc_mq_message_t){ .data = places[i], .len = sizeof places[i] };
  CHECK_EQUAL(ipc_mq_receive_many(large, messages, 9, 0), 8);
  for (int i = 0; i < 8; i++) {
    CHECK_EQUAL(messages[i].len, i % 3 == 1 ? sizeof long_text : 1);
    CHECK_EQUAL(places[i][0], i % 3 == 1 ? 'l' : '0' + i);
  }
  expect_all_room(large, 8);
  CHECK_EQUAL(ipc_mq_close(large), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
