/* A child owns none of its parent's locks. It cannot release them, and its end does not free them. The child owns the
 * locks that it takes itself. */
#include "holding.h"

static ipc_mutex_t *own;

static void child(void *unused) {
  (void)unused;
  check_held_by_another();
  CHECK_EQUAL(ipc_mutex_lock(own, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(own, 0), -EDEADLK);
}

int main(void) {
  own = shared_memory(sizeof *own);
  CHECK_EQUAL(ipc_mutex_init(own, NULL), 0);
  make_everything();
  hold_everything();
  FINISH(start(child, NULL));
  CHECK_EQUAL(ipc_mutex_lock(own, PATIENCE), IPC_OWNER_DIED);
  let_go_of_everything();
  hold_everything();
  let_go_of_everything();
  return 0;
}
