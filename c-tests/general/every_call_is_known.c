/* The table of every call (support/every_call.h) has every exported call, so that a new one cannot be forgotten; and each
 * entry works as it stands. */
#include "every_call.h"

static void use(void *argument) {
  const Call *call = argument;
  call->before();
  long result = call->run();
  if (!call_succeeded(result))
    test_failed(__FILE__, __LINE__, "%s: %ld: %s", call->name, result, ipc_last_error());
  call->after(result);
}

static int has_entry(const char *name) {
  size_t length = strlen(name);
  for (int i = 0; i < call_count; i++) {
    const char *found = every_call[i].name;
    if (strncmp(found, name, length) == 0 && (found[length] == 0 || found[length] == ':')) return 1;
  }
  return 0;
}

/* Calls that only the drop-in for <mqueue.h> uses. */
static int is_private(const char *name) {
  static const char *const names[] = { "ipc_mq_bring_fd",   "ipc_mq_twin",          "ipc_mq_wait_begin", "ipc_mq_wait_end",
                                       "ipc_mq_send_waited", "ipc_mq_receive_waited" };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0) return 1;
  return 0;
}

int main(int argc, char **argv) {
  SKIP_UNDER_VALGRIND("a process for each call takes too long there");
  FILE *exports = fopen(argc > 1 ? argv[1] : "exports.txt", "r");
  if (exports == NULL) SKIP("exports.txt is not in the working directory");
  char name[128];
  int wrong = 0;
  while (fscanf(exports, "%127s", name) == 1)
    if (!has_entry(name) && !is_private(name)) fprintf(stderr, "%s: not in support/every_call.h\n", name), wrong++;
  fclose(exports);
  for (int i = 0; i < call_count; i++) {
    call_prepare(&every_call[i]);
    if (wait_for(start(use, &every_call[i])) != 0) fprintf(stderr, "%s fails\n", every_call[i].name), wrong++;
    call_clean();
  }
  CHECK_EQUAL(wrong, 0);
  return 0;
}
