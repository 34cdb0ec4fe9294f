/* A daemon whose loop is libuv's, with a queue, an event, a child and a timer in a waitset. */
#include "loop.h"

#if __has_include(<uv.h>) && !defined NO_LOOP_LIBRARY
#include <uv.h>

static void ready(uv_poll_t *handle, int status, int events) {
  (void)events;
  CHECK_EQUAL(status, 0);
  if (!loop_turn()) uv_stop(handle->loop);
}

static void daemon_loop(void *unused) {
  (void)unused;
  uv_loop_t loop;
  uv_poll_t handle;
  CHECK_EQUAL(uv_loop_init(&loop), 0);
  CHECK_EQUAL(uv_poll_init(&loop, &handle, loop_open()), 0);
  CHECK_EQUAL(uv_poll_start(&handle, UV_READABLE, ready), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
}

int main(void) { return loop_test(daemon_loop); }
#else
int main(void) {
  (void)loop_test;
  SKIP("libuv is not installed");
}
#endif
