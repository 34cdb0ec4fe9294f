/* A thread with a cancellation pending makes each call. The call does its work, whatever it does inside, and the thread is
 * cancelled afterwards, at the program's own cancellation point. The process goes on. */
#include "every_call.h"

#include <pthread.h>

static const Call *current;

static void *make_call(void *argument) {
  (void)argument;
  int state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  current->before();
  pthread_cancel(pthread_self());
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
  long result = current->run();
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  CHECK_EQUAL(state, PTHREAD_CANCEL_ENABLE); /* as the program left it */
  if (!call_succeeded(result))
    test_failed(__FILE__, __LINE__, "%s: %ld: %s", current->name, result, ipc_last_error());
  current->after(result);
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
  pthread_testcancel();
  return NULL;
}

static void in_a_process(void *argument) {
  current = argument;
  pthread_t thread;
  void *result;
  CHECK(pthread_create(&thread, NULL, make_call, NULL) == 0);
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);
}

int main(int argc, char **argv) {
  SKIP_UNDER_VALGRIND("a process for each call takes too long there");
  int wrong = 0;
  for (int i = 0; i < call_count; i++) {
    Call *call = &every_call[i];
    if (argc > 1 && strncmp(call->name, argv[1], strlen(argv[1])) != 0) continue;
    call_prepare(call);
    int status = wait_for(start(in_a_process, call));
    call_clean();
    if (status != 0) {
      fprintf(stderr, "%s: wait status %#x\n", call->name, (unsigned)status);
      wrong++;
    }
  }
  CHECK_EQUAL(wrong, 0);
  return 0;
}
