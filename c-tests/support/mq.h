/* For tests of message queues: names that are removed even if a check fails, and small queues. MQ_FLAGS is IPC_KERNEL
 * for the kernel's queue, and 0 for the queue in shared memory. The Makefile builds a test of a behaviour that both
 * kinds have once for each. */
#ifndef TEST_MQ_H
#define TEST_MQ_H

#include "asleep.h"
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/syscall.h>

#define SIZE 64

#ifndef MQ_FLAGS
#define MQ_FLAGS IPC_KERNEL
#endif

/* The system call in which a call on a queue sleeps, and how a test waits until a notification's thread sleeps. In shared
 * memory that thread sleeps on several words where the kernel can. */
#if MQ_FLAGS == 0
#define WAIT_CALL SYS_futex
#define WAIT_UNTIL_NOTIFIER_RESTS(thread) wait_until_on_futex(thread)
#elif defined SYS_epoll_wait
#define WAIT_CALL SYS_ppoll
#define WAIT_UNTIL_NOTIFIER_RESTS(thread) wait_until_inside(thread, SYS_epoll_wait)
#else
#define WAIT_CALL SYS_ppoll
#define WAIT_UNTIL_NOTIFIER_RESTS(thread) wait_until_inside(thread, SYS_epoll_pwait)
#endif

static char mq_names[8][64];
static int mq_name_count;
static pid_t mq_pid;

static inline void mq_remove_names(void) {
  if (getpid() != mq_pid) return; /* a child leaves them to its parent */
  for (int i = 0; i < mq_name_count; i++) ipc_mq_unlink(mq_names[i], MQ_FLAGS);
}

/* A queue's name that no other running test has. The test's end removes it. If this user may make an IPC namespace,
 * the test gets one, with names and limits in /proc/sys/fs/mqueue of its own. */
__attribute__((unused)) static const char *mq_name(const char *suffix) {
  if (mq_name_count == 0) {
    mq_pid = getpid();
    (void)!unshare(CLONE_NEWIPC);
    atexit(mq_remove_names);
  }
  CHECK(mq_name_count < 8);
  char *name = mq_names[mq_name_count++];
  snprintf(name, sizeof mq_names[0], "/ripc-test-%d-%s", (int)getpid(), suffix);
  return name;
}

/* Makes a queue for messages of SIZE bytes. RLIMIT_MSGQUEUE limits the queues of all tests that run together. */
__attribute__((unused)) static ipc_mq_t *make_mq(const char *name, size_t messages, int flags) {
  ipc_mq_attr_t attr = { .max_messages = messages, .message_size = SIZE };
  ipc_mq_t *mq = NULL;
  int result = ipc_mq_open(&mq, name, &attr, MQ_FLAGS | IPC_CREATE | IPC_EXCLUSIVE | flags, 0600);
  if (result == -EMFILE && strstr(ipc_last_error(), "RLIMIT_MSGQUEUE") != NULL)
    SKIP("other programs use up RLIMIT_MSGQUEUE");
  if (result == -ENOSYS) SKIP("this kernel has no message queues");
  CHECK_EQUAL(result, IPC_CREATED);
  return mq;
}

/* Opens an existing queue. */
__attribute__((unused)) static ipc_mq_t *join_mq(const char *name, int flags) {
  ipc_mq_t *mq = NULL;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, MQ_FLAGS | flags, 0), IPC_OPENED);
  return mq;
}

/* How many threads this process has. */
__attribute__((unused)) static int count_threads(void) {
  DIR *directory = opendir("/proc/self/task");
  CHECK(directory != NULL);
  int count = -2; /* "." and ".." */
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* Waits until the notification's thread sleeps, as it does until a message comes. */
__attribute__((unused)) static void await_rest(void) {
  DIR *directory = opendir("/proc/self/task");
  CHECK(directory != NULL);
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    pid_t thread = atoi(entry->d_name);
    if (thread == 0 || thread == getpid()) continue;
    WAIT_UNTIL_NOTIFIER_RESTS(thread);
  }
  closedir(directory);
}

/* Installs a handler for SIGALRM that does nothing. */
static inline void alarm_handler(int signal) {
  (void)signal;
}
__attribute__((unused)) static void handle_alarm(int flags) {
  struct sigaction action = { .sa_handler = alarm_handler, .sa_flags = flags };
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
}

#endif
