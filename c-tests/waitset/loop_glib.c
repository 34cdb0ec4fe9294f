/* A daemon whose loop is GLib's, with a queue, an event, a child and a timer in a waitset. */
#include "loop.h"

#if __has_include(<glib-unix.h>) && !defined NO_LOOP_LIBRARY
#pragma GCC diagnostic ignored "-Wpedantic"
#include <glib-unix.h>

static gboolean ready(gint descriptor, GIOCondition condition, gpointer loop) {
  (void)descriptor;
  (void)condition;
  if (!loop_turn()) g_main_loop_quit(loop);
  return G_SOURCE_CONTINUE;
}

static void daemon_loop(void *unused) {
  (void)unused;
  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  g_unix_fd_add(loop_open(), G_IO_IN, ready, loop);
  g_main_loop_run(loop);
}

int main(void) { return loop_test(daemon_loop); }
#else
int main(void) {
  (void)loop_test;
  SKIP("GLib is not installed");
}
#endif
