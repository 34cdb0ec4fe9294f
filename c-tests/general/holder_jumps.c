/* A longjmp over a lock does not unlock it. The thread still holds the lock, its next lock says so, and it can
 * unlock. */
#include "holding.h"

#include <setjmp.h>

static jmp_buf before;

static void lock_and_jump(void) {
  hold_everything();
  longjmp(before, 1);
}

static void other(void *unused) {
  (void)unused;
  check_held_by_another();
}

int main(void) {
  make_everything();
  if (setjmp(before) == 0) lock_and_jump();
  FINISH(start(other, NULL));
  CHECK_EQUAL(ipc_mutex_lock(&everything->mutex, 0), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_write_lock(&everything->written, 0), -EDEADLK);
  CHECK_EQUAL(ipc_rwlock_write_lock(&everything->read, 0), -EDEADLK);
  let_go_of_everything();
  return 0;
}
