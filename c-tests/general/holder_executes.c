/* If a process calls exec while it holds locks, others learn that their owner died, although the process lives on. */
#include "holding.h"

static void holder(void *program) {
  hold_everything();
  stop_here();
  execl(program, program, "executed", (char *)NULL);
  CHECK(!"execl");
}

int main(int argc, char **argv) {
  if (argc > 1) {
    stop_here();
    return 0;
  }
  make_everything();
  pid_t child = start_stopped(holder, argv[0]);
  check_held_by_another();
  continue_child(child);
  wait_until_stopped(child);
  check_holder_died();
  continue_child(child);
  FINISH(child);
  return 0;
}
