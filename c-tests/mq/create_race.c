/* Of several processes that create a queue of one name at once, exactly one learns that it created the queue, even
 * while the name is removed over and over. */
#include "mq.h"

#define PROCESSES 4
#define ROUNDS 300

static const char *name;

typedef struct {
  int ready, go, created, opened, unlinked;
} Shared;
static Shared *shared;

static void create_and_remove(void *unused) {
  (void)unused;
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = SIZE };
  for (int round = 0; round < ROUNDS; round++) {
    __atomic_fetch_add(&shared->ready, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE) <= round) sched_yield();
    ipc_mq_t *mq;
    int result = ipc_mq_open(&mq, name, &attr, MQ_FLAGS | IPC_CREATE, 0600);
    if (result == -EMFILE) exit(77);
    CHECK(result == IPC_CREATED || result == IPC_OPENED);
    __atomic_fetch_add(result == IPC_CREATED ? &shared->created : &shared->opened, 1, __ATOMIC_RELAXED);
    if (round % 2 == 1) {
      result = ipc_mq_unlink(name, MQ_FLAGS);
      CHECK(result == 0 || result == -ENOENT);
      if (result == 0) __atomic_fetch_add(&shared->unlinked, 1, __ATOMIC_RELAXED);
    }
    CHECK_EQUAL(ipc_mq_close(mq), 0);
  }
}

int main(void) {
  name = mq_name("race");
  shared = shared_memory(sizeof *shared);
  pid_t children[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) children[i] = start(create_and_remove, NULL);
  int64_t limit = now_ns() + PATIENCE;
  for (int round = 0; round < ROUNDS; round++) {
    while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < PROCESSES * (round + 1)) {
      int status;
      if (waitpid(-1, &status, WNOHANG) > 0) {
        for (int i = 0; i < PROCESSES; i++) kill(children[i], SIGKILL);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("other programs use up RLIMIT_MSGQUEUE");
        CHECK(!"a child ended early");
      }
      CHECK(now_ns() < limit);
      sched_yield();
    }
    /* Each creation was removed, except in the rounds that remove none: there one queue remains. */
    CHECK_EQUAL(shared->created, shared->unlinked + round % 2);
    __atomic_store_n(&shared->go, round + 1, __ATOMIC_RELEASE);
  }
  for (int i = 0; i < PROCESSES; i++) FINISH(children[i]);
  CHECK_EQUAL(shared->created, shared->unlinked);
  CHECK_EQUAL(shared->created + shared->opened, PROCESSES * ROUNDS);
  CHECK(shared->created >= ROUNDS / 2);
  return 0;
}
