/* If a thread ends while it holds locks, others learn that their owner died, although the process lives on. */
#include "holding.h"

#include <pthread.h>

static void *holder(void *unused) {
  hold_everything();
  return unused;
}

int main(void) {
  make_everything();
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, holder, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    check_holder_died();
  }
  return 0;
}
