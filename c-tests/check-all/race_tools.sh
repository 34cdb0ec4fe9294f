#!/bin/sh
# Helgrind and DRD report nothing about a correct program, with the suppressions that are installed.
. "$(dirname "$0")/../support/script.sh"

has valgrind || skip "valgrind is not installed"

cat >"$work/correct.c" <<'END'
#include <pthread.h>
#include <robustipc.h>
#include <stdio.h>
#include <unistd.h>

enum { MESSAGES = 300 };
static ipc_mq_t *mq;
static struct Shared {
  ipc_mutex_t mutex;
  ipc_sem_t sem;
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
  ipc_event_t event;
} *shared;
static ipc_sem_t *named;

static void *send_all(void *unused) {
  (void)unused;
  for (int i = 0; i < MESSAGES; i++) {
    unsigned number;
    if (ipc_mq_send(mq, &i, sizeof i, (unsigned)(i % 3), IPC_FOREVER) < 0) return NULL;
    if (ipc_mutex_lock(&shared->mutex, IPC_FOREVER) < 0 || ipc_mutex_unlock(&shared->mutex) < 0) return NULL;
    if (ipc_rwlock_read_lock(&shared->rwlock, IPC_FOREVER) < 0 || ipc_rwlock_unlock(&shared->rwlock) < 0) return NULL;
    if (ipc_permits_take(&shared->permits, &number, IPC_FOREVER) < 0 || ipc_permits_give(&shared->permits, number) < 0)
      return NULL;
    ipc_sem_post(&shared->sem);
    ipc_sem_post(named);
  }
  ipc_event_set(&shared->event);
  return &shared->event;
}

int main(void) {
  ipc_shm_t *shm;
  ipc_mq_attr_t attr = { .max_messages = 8, .message_size = 64 };
  char name[64];
  snprintf(name, sizeof name, "/ripc-test-%d-race", (int)getpid());
  if (ipc_shm_anonymous(&shm, sizeof *shared) < 0 || ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600) < 0) return 1;
  ipc_mq_unlink(name, 0);
  if (ipc_sem_open(&named, name, 0, IPC_CREATE, 0600) < 0) return 1;
  ipc_sem_unlink(name);
  shared = ipc_shm_data(shm);
  ipc_mutex_init(&shared->mutex, NULL);
  ipc_sem_init(&shared->sem, 0);
  ipc_rwlock_init(&shared->rwlock);
  ipc_permits_init(&shared->permits, 1);
  ipc_event_init(&shared->event, 0);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, send_all, NULL) != 0) return 1;
  for (int i = 0; i < 2 * MESSAGES; i++) {
    int number;
    unsigned permit;
    if (ipc_mq_receive(mq, &number, sizeof number, NULL, IPC_FOREVER) != sizeof number) return 2;
    if (ipc_sem_wait(&shared->sem, IPC_FOREVER) < 0 || ipc_sem_wait(named, IPC_FOREVER) < 0) return 3;
    if (ipc_mutex_lock(&shared->mutex, IPC_FOREVER) < 0 || ipc_mutex_unlock(&shared->mutex) < 0) return 4;
    if (ipc_rwlock_write_lock(&shared->rwlock, IPC_FOREVER) < 0 || ipc_rwlock_unlock(&shared->rwlock) < 0) return 5;
    if (ipc_permits_take(&shared->permits, &permit, IPC_FOREVER) < 0 || ipc_permits_give(&shared->permits, permit) < 0)
      return 6;
  }
  if (ipc_event_wait(&shared->event, IPC_FOREVER) < 0) return 7;
  for (int i = 0; i < 2; i++) {
    void *result;
    if (pthread_join(threads[i], &result) != 0 || result == NULL) return 8;
  }
  ipc_sem_close(named);
  ipc_mq_close(mq);
  return ipc_shm_close(shm);
}
END
# shellcheck disable=SC2046
quietly $CC -std=c11 -D_GNU_SOURCE -g $(staged --cflags) "$work/correct.c" -o "$work/correct" $(staged --libs) -pthread
export LD_LIBRARY_PATH="$STAGE/lib"
for tool in helgrind drd; do
  status=0
  valgrind -q --tool=$tool --error-exitcode=9 "$work/correct" >"$work/plain" 2>&1 || status=$?
  expect "the status under $tool without the suppressions (if it is 0 now, they are not needed)" 9 "$status"
  quietly valgrind -q --tool=$tool --error-exitcode=9 --suppressions="$STAGE/lib/robustipc/robustipc.supp" "$work/correct"
done
