/* If a thread is cancelled while it holds locks, others learn that their owner died, unless its cleanup handlers
 * release the locks. */
#include "holding.h"

#include <pthread.h>

static int ready;

static void let_go(void *unused) {
  (void)unused;
  let_go_of_everything();
}

static void *holder(void *cleans_up) {
  hold_everything();
  if (cleans_up == NULL) {
    __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
    for (;;) pause();
  }
  pthread_cleanup_push(let_go, NULL);
  __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
  for (;;) pause();
  pthread_cleanup_pop(0);
  return NULL;
}

static void cancel_a_holder(void *cleans_up) {
  pthread_t thread;
  void *result;
  __atomic_store_n(&ready, 0, __ATOMIC_RELEASE);
  CHECK_EQUAL(pthread_create(&thread, NULL, holder, cleans_up), 0);
  while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) sched_yield();
  check_held_by_another();
  CHECK_EQUAL(pthread_cancel(thread), 0);
  CHECK_EQUAL(pthread_join(thread, &result), 0);
  CHECK(result == PTHREAD_CANCELED);
}

int main(void) {
  make_everything();
  cancel_a_holder(NULL);
  check_holder_died();
  cancel_a_holder(&ready);
  hold_everything();
  let_go_of_everything();
  return 0;
}
