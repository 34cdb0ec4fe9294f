/* Readers that arrive while a writer waits do not overtake it, so readers that overlap each other keep no writer out.
 * The writer waits only for the readers that were inside when it arrived. */
#include "asleep.h"

static struct {
  ipc_rwlock_t rwlock;
  int written;
} *shared;

static void reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), 0);
  CHECK_EQUAL(shared->written, 0);
  stop_here();
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}

static void late_reader(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, PATIENCE), 0);
  CHECK_EQUAL(shared->written, 1);
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}

static void writer(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, PATIENCE), 0);
  shared->written = 1;
  CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CHECK_EQUAL(ipc_rwlock_init(&shared->rwlock), 0);
  pid_t inside[3], late[3];
  for (int i = 0; i < 3; i++) inside[i] = start_stopped(reader, NULL);
  pid_t waiting = start_asleep(writer, NULL);
  for (int i = 0; i < 3; i++) late[i] = start_asleep(late_reader, NULL);
  CHECK_EQUAL(shared->written, 0);
  for (int i = 0; i < 3; i++) {
    continue_child(inside[i]);
    FINISH(inside[i]);
  }
  FINISH(waiting);
  for (int i = 0; i < 3; i++) FINISH(late[i]);
  return 0;
}
