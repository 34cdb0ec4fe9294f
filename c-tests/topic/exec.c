/* A process that executes another program gives up its places: nobody waits for it, what it had borrowed or reserved is free,
 * and others get its places, although the process lives on. */
#include "topic.h"
#include <fcntl.h>
#include <pthread.h>

enum { KEPT = 2 };

static const char *name;
static int from_thread;

static void *use(void *publishes) {
  ipc_topic_t *topic = *(int *)publishes ? publisher(name, NULL) : subscriber(name);
  for (int i = 0; i < KEPT; i++) {
    void *place;
    const void *sample;
    if (*(int *)publishes) CHECK_EQUAL(ipc_topic_reserve(topic, &place, 8, 0), 0);
    else CHECK_EQUAL(ipc_topic_borrow(topic, &sample, NULL, 0), 8);
  }
  return NULL;
}

/* Its end of the pipe closes when it executes the program. */
static pid_t execute(int publishes) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    pthread_t thread;
    if (from_thread) {
      CHECK(pthread_create(&thread, NULL, use, &publishes) == 0);
      CHECK(pthread_join(thread, NULL) == 0);
    } else {
      use(&publishes);
    }
    CHECK(write(ends[1], "x", 1) == 1);
    execlp("sleep", "sleep", "1000", (char *)NULL);
    _exit(1);
  }
  close(ends[1]);
  char byte;
  CHECK_EQUAL(read(ends[0], &byte, 1), 1);
  CHECK_EQUAL(read(ends[0], &byte, 1), 0);
  close(ends[0]);
  return child;
}

/* Opens the topic's only free place, which belongs to a process that is about to execute a program. */
static ipc_topic_t *opened(int flags) {
  ipc_topic_t *topic = NULL;
  int result;
  for (int64_t end = now_ns() + PATIENCE; (result = ipc_topic_open(&topic, name, NULL, flags, 0)) == -EUSERS;) CHECK(now_ns() < end);
  CHECK_EQUAL(result, IPC_OPENED);
  return topic;
}

static void check(int flags) {
  ipc_topic_attr_t attr = { .sample_size = 8, .capacity = 4, .history = 4, .max_subscribers = 1, .max_publishers = 2,
    .max_borrowed = KEPT, .flags = flags };
  ipc_topic_t *topic = publisher(name, &attr);
  for (uint64_t i = 1; i <= 4; i++) publish(topic, i);
  pid_t child = execute(0);
  /* Nobody waits for it. */
  for (uint64_t i = 5; i <= 20; i++) publish(topic, i);
  ipc_topic_t *next = opened(IPC_READ_ONLY);
  CHECK_EQUAL(state_of_topic(topic).subscribers, 1);
  CHECK_EQUAL(state_of_topic(topic).borrowed_samples, 0);
  for (uint64_t i = 17; i <= 20; i++) expect(next, i, i, 0);
  CHECK_EQUAL(kill(child, 0), 0);
  KILL(child);

  child = execute(1);
  for (int64_t end = now_ns() + PATIENCE; state_of_topic(topic).publishers != 1;) CHECK(now_ns() < end);
  CHECK_EQUAL(state_of_topic(topic).reserved_samples, 0);
  ipc_topic_t *second = opened(IPC_WRITE_ONLY);
  publish(second, 21);
  CHECK_EQUAL(kill(child, 0), 0);
  KILL(child);
  CHECK_EQUAL(ipc_topic_close(second), 0);
  CHECK_EQUAL(ipc_topic_close(next), 0);
  CHECK_EQUAL(ipc_topic_close(topic), 0);
  CHECK_EQUAL(ipc_topic_unlink(name), 0);
}

int main(void) {
  if (is_under_valgrind()) SKIP("the program would run in valgrind too");
  name = topic_name("exec");
  for (from_thread = 0; from_thread < 2; from_thread++) {
    check(0);
    check(IPC_TOPIC_WAIT);
  }
  return 0;
}
