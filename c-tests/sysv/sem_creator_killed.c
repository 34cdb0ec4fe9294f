/* A creator is killed between semget and semctl, the classic race of System V. The next opener that gives values
 * completes the set, and exactly one of many does. A set without values is never returned. */
#include "sysv.h"

enum { OPENERS = 16, SEMAPHORES = 3 };
static key_t key;
static const unsigned short values[SEMAPHORES] = {3, 0, 5};
static int *created;

static void creator(void *unused) {
  (void)unused;
  act_on_setall(SECCOMP_RET_KILL_PROCESS);
  ipc_sysv_sem_t *set;
  ipc_sysv_sem_open(&set, key, SEMAPHORES, values, IPC_CREATE, 0600);
}

static void opener(void *unused) {
  (void)unused;
  ipc_sysv_sem_t *set;
  int result = ipc_sysv_sem_open(&set, key, SEMAPHORES, values, IPC_CREATE, 0600);
  CHECK(result == IPC_OPENED || result == IPC_CREATED);
  if (result == IPC_CREATED) __atomic_add_fetch(created, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < SEMAPHORES; i++) CHECK_EQUAL(ipc_sysv_sem_value(set, i), values[i]);
  ipc_sysv_sem_op_t there_and_back[] = {{0, -3, 0}, {0, 3, 0}};
  CHECK_EQUAL(ipc_sysv_sem_op(set, there_and_back, 2, 0), 0);
}

static void open_by_many(void) {
  *created = 0;
  pid_t children[OPENERS];
  for (int i = 0; i < OPENERS; i++) children[i] = start(opener, NULL);
  for (int i = 0; i < OPENERS; i++) FINISH(children[i]);
  CHECK_EQUAL(*created, 1);
  CHECK_EQUAL(ipc_sysv_sem_remove_id(semget(key, 0, 0)), 0);
}

int main(void) {
  created = shared_memory(sizeof *created);
  key = unique_key("creator");

  /* No set exists, and many processes create it at once. */
  const int rounds = is_under_valgrind() ? 1 : 10;
  for (int round = 0; round < rounds; round++) open_by_many();

  /* A creator is killed between the two calls. */
  for (int round = 0; round < 5; round++) {
    int status = wait_for(start(creator, NULL));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    CHECK(semget(key, 0, 0) >= 0);
    ipc_sysv_sem_t *set = NULL;
    CHECK_FAILS(ipc_sysv_sem_open(&set, key, SEMAPHORES, NULL, 0, 0), -EAGAIN, "never given values");
    CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 2, values, IPC_CREATE, 0600), -EPROTO);
    CHECK_EQUAL(
      ipc_sysv_sem_open(&set, key, SEMAPHORES, values, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
    CHECK(set == NULL);
    open_by_many();
  }

  /* A set that has been used down to zero is not taken for a new one. */
  ipc_sysv_sem_t *set, *again;
  unsigned short one = 1;
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 1, &one, IPC_CREATE, 0600), IPC_CREATED);
  ipc_sysv_sem_op_t take = {0, -1, 0};
  CHECK_EQUAL(ipc_sysv_sem_op(set, &take, 1, 0), 0);
  CHECK_EQUAL(ipc_sysv_sem_open(&again, key, 1, &one, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_sem_value(again, 0), 0);
  return 0;
}
