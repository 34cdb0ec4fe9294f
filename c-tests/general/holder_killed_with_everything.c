/* One kill frees everything that the process held, of every type and in every order. */
#include "holding.h"

static void holder(void *unused) {
  (void)unused;
  hold_everything();
  stop_here();
}

int main(void) {
  make_everything();
  for (int i = 0; i < 3; i++) {
    pid_t child = start_stopped(holder, NULL);
    check_held_by_another();
    KILL(child);
    check_holder_died();
  }
  return 0;
}
