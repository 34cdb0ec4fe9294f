/* If a queue cannot be created, the error text names the limit that was reached, with its value. */
#include "mq.h"
#include "namespace.h"
#include <sys/resource.h>

static long read_limit(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
  FILE *file = fopen(path, "r");
  if (file == NULL) SKIP("/proc/sys/fs/mqueue cannot be read");
  long limit = -1;
  CHECK_EQUAL(fscanf(file, "%ld", &limit), 1);
  fclose(file);
  return limit;
}

static const char *name;

static int try_open(size_t messages, size_t size) {
  ipc_mq_attr_t attr = { .max_messages = messages, .message_size = size };
  ipc_mq_t *mq = NULL;
  int result = ipc_mq_open(&mq, name, &attr, IPC_KERNEL | IPC_CREATE | IPC_EXCLUSIVE, 0600);
  if (result == IPC_CREATED) {
    CHECK_EQUAL(ipc_mq_unlink(name, IPC_KERNEL), 0);
    CHECK_EQUAL(ipc_mq_close(mq), 0);
  }
  return result;
}

int main(void) {
  name = mq_name("limits");
  CHECK_EQUAL(ipc_mq_close(make_mq(mq_name("small"), 1, 0)), 0);
  char expected[128];

  CHECK_FAILS(try_open(0, SIZE), -EINVAL, "expected at least 1 of each");
  CHECK_FAILS(try_open(1, 0), -EINVAL, "expected at least 1 of each");
  int result = try_open(SIZE_MAX, SIZE);
  CHECK_FAILS(result, -EINVAL, "fs.mqueue.msg_max, which is");

  /* A process with CAP_SYS_RESOURCE is bound by other limits. */
  long msg_max = read_limit("msg_max"), msgsize_max = read_limit("msgsize_max");
  result = try_open((size_t)msg_max + 1, SIZE);
  if (result < 0 && result != -EMFILE) {
    CHECK_EQUAL(result, -EINVAL);
    snprintf(expected, sizeof expected, "more than fs.mqueue.msg_max, which is %ld", msg_max);
    CHECK_LAST_ERROR(expected);
    snprintf(expected, sizeof expected, "larger than fs.mqueue.msgsize_max, which is %ld", msgsize_max);
    CHECK_FAILS(try_open(1, (size_t)msgsize_max + 1), -EINVAL, expected);
  }

  /* 2 * (64 + 48 + 48) bytes, as the kernel counts them. */
  struct rlimit limit, before;
  CHECK_EQUAL(getrlimit(RLIMIT_MSGQUEUE, &before), 0);
  limit = (struct rlimit){ .rlim_cur = 100, .rlim_max = before.rlim_max };
  CHECK_EQUAL(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
  CHECK_FAILS(
    try_open(2, SIZE), -EMFILE,
    "needs 320 bytes, and with this user's other queues that is more than RLIMIT_MSGQUEUE, which is 100");
  CHECK_EQUAL(setrlimit(RLIMIT_MSGQUEUE, &before), 0);

  /* The error for too few descriptors differs from the error for a limit of queues. */
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
  limit = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK_FAILS(try_open(1, SIZE), -EMFILE, "no descriptor left");
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);

  /* The number of queues, if this test has an IPC namespace of its own in which it can set the limit. */
  if (enter_namespaces(CLONE_NEWIPC) == 0) {
    FILE *file = fopen("/proc/sys/fs/mqueue/queues_max", "w");
    if (file != NULL && fprintf(file, "0\n") > 0 && fclose(file) == 0) {
      result = try_open(1, SIZE);
      if (result < 0) {
        CHECK_EQUAL(result, -ENOSPC);
        CHECK_LAST_ERROR("fs.mqueue.queues_max allows, which is 0");
      }
    }
  }
  return 0;
}
