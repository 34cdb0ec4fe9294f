/* ipc_error(3), sentence by sentence. general/texts_say_it.c has what single texts say. */
#include "page.h"

#include <limits.h>
#include <pthread.h>
#include <strings.h>

static void *ask(void *unused) {
  CLAIM("If no call of this thread has failed, it is the empty string.");
  CHECK(strcmp(ipc_last_error(), "") == 0);
  CLAIM("Each thread has its own last error.");
  CHECK_EQUAL(ipc_shm_unlink("/in-another-thread"), -ENOENT);
  return unused;
}

static void ask_in_child(void *text) {
  CLAIM("The child of a fork(2) begins with the last error of the thread that forked.");
  CHECK(strcmp(ipc_last_error(), text) == 0);
}

int main(void) {
  CHECK(strcmp(ipc_last_error(), "") == 0);
  const char *name = unique_name("page");
  CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);
  CLAIM("in one line without a newline: which call, which error, which object, what was expected and what was found");
  char text[512];
  snprintf(text, sizeof text, "%s", ipc_last_error());
  CHECK(strncmp(text, "ipc_shm_unlink: -ENOENT: ", 25) == 0 && strstr(text, name) != NULL && strchr(text, '\n') == NULL);
  CLAIM("Calls that succeed do not change it");
  ipc_event_t event;
  memset(&event, 0, sizeof event);
  CHECK_EQUAL(ipc_event_init(&event, 0), 0);
  CHECK(strcmp(ipc_last_error(), text) == 0);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, ask, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CHECK(strcmp(ipc_last_error(), text) == 0);
  FINISH(start(ask_in_child, text));

  CLAIM("describes a result of any call of the library, a negative error or a success");
  for (int result = 0; result < 5; result++) CHECK(ipc_strerror(result)[0] != 0);
  CLAIM("Otherwise it is the text of strerror(3).");
  CHECK(strcasecmp(ipc_strerror(-ECHILD), strerror(ECHILD)) == 0);
  CLAIM("Each call returns a text that is never NULL.");
  for (int result = -5000; result < 5000; result++) CHECK(ipc_strerror(result) != NULL);
  CHECK(ipc_strerror(INT_MIN) != NULL && ipc_strerror(INT_MAX) != NULL);
  CLAIM("The texts of ipc_strerror() and ipc_version() are constant.");
  CHECK(ipc_strerror(-EPROTO) == ipc_strerror(-EPROTO));
  CHECK(ipc_version() == ipc_version());
  CLAIM("The version of the header that a program was built with is IPC_VERSION_STRING");
  CHECK(strcmp(ipc_version(), IPC_VERSION_STRING) == 0);
  snprintf(text, sizeof text, "%d.%d.%d", IPC_VERSION_MAJOR, IPC_VERSION_MINOR, IPC_VERSION_PATCH);
  CHECK(strcmp(text, IPC_VERSION_STRING) == 0);
  return 0;
}
