/* For tests of message queues in shared memory. */
#ifndef TEST_QUEUE_H
#define TEST_QUEUE_H

#include "asleep.h"

/* Makes a queue whose waiters sleep at once. */
__attribute__((unused)) static ipc_mq_t *make_queue(const char *name, size_t messages, size_t size) {
  ipc_mq_attr_t attr = { .max_messages = messages, .message_size = size, .spin_ns = IPC_MQ_NO_SPIN };
  ipc_mq_t *mq = NULL;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  return mq;
}

/* Opens an existing queue. */
__attribute__((unused)) static ipc_mq_t *join_queue(const char *name, int flags) {
  ipc_mq_t *mq = NULL;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, flags, 0), IPC_OPENED);
  return mq;
}

__attribute__((unused)) static void send_text(ipc_mq_t *mq, const char *text, unsigned priority) {
  CHECK_EQUAL(ipc_mq_send(mq, text, strlen(text), priority, 0), 0);
}

/* Receives a message, and checks its text and how often it was delivered before. */
__attribute__((unused)) static void expect_text(ipc_mq_t *mq, const char *text, unsigned redeliveries) {
  char buffer[256];
  ipc_mq_message_t message = { .data = buffer, .len = sizeof buffer - 1 };
  CHECK_EQUAL(ipc_mq_receive_many(mq, &message, 1, 0), 1);
  buffer[message.len] = 0;
  if (strcmp(buffer, text) != 0) test_failed(__FILE__, __LINE__, "expected \"%s\", found \"%s\"", text, buffer);
  CHECK_EQUAL(message.redeliveries, redeliveries);
}

__attribute__((unused)) static ipc_mq_stat_t stat_of(ipc_mq_t *mq) {
  ipc_mq_stat_t stat;
  CHECK_EQUAL(ipc_mq_stat(mq, &stat), 0);
  return stat;
}

__attribute__((unused)) static size_t count_of(ipc_mq_t *mq) {
  ipc_mq_attr_t attr;
  CHECK_EQUAL(ipc_mq_getattr(mq, &attr), 0);
  return attr.current_messages;
}

/* Checks that no slot of a queue for `messages` messages is in use: so many can be sent, and no more. */
__attribute__((unused)) static void expect_all_room(ipc_mq_t *mq, size_t messages) {
  char byte;
  CHECK_EQUAL(count_of(mq), 0);
  for (size_t i = 0; i < messages; i++) CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), -EAGAIN);
  CHECK_EQUAL(count_of(mq), messages);
  for (size_t i = 0; i < messages; i++) CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), 1);
  CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), -EAGAIN);
}

/* Memory whose first use calls `inside`. A call on a queue that copies from or to it is then in the middle of copying. */
static char *trap_page;
static void (*trap_inside)(void);

static inline void trap_sprung(int signal) {
  (void)signal;
  CHECK_EQUAL(mprotect(trap_page, 4096, PROT_READ | PROT_WRITE), 0);
  trap_inside();
}

__attribute__((unused)) static char *set_trap(void (*inside)(void)) {
  trap_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(trap_page != MAP_FAILED);
  trap_inside = inside;
  struct sigaction action = { .sa_handler = trap_sprung };
  CHECK_EQUAL(sigaction(SIGSEGV, &action, NULL), 0);
  return trap_page;
}

#endif
