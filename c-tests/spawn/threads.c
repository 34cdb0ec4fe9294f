/* Many threads start programs while they allocate, lock and fork. No child hangs, no child gets another child's pipe,
 * and none is left. */
#include "streams.h"

#include <stdatomic.h>

enum { THREADS = 4 };

static void *starter(void *argument) {
  const char letter = *(const char *)argument;
  const char *const cat[] = {"cat", NULL};
  const int rounds = is_under_valgrind() ? 3 : 30;
  for (int round = 0; round < rounds; round++) {
    ipc_child_t *child;
    CHECK_EQUAL(ipc_spawn(&child, cat, IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
    char back = 0;
    CHECK_EQUAL(ipc_write_full(ipc_child_stdin(child), &letter, 1, PATIENCE), 1);
    /* If another thread's child had this pipe too, the end of the file would never come. */
    CHECK_EQUAL(ipc_child_close_stdin(child), 0);
    CHECK_EQUAL(ipc_read_full(ipc_child_stdout(child), &back, 1, PATIENCE), 1);
    CHECK_EQUAL(back, letter);
    CHECK_EQUAL(ipc_read_full(ipc_child_stdout(child), &back, 1, PATIENCE), 0);
    ipc_child_exit_t how;
    CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
    CHECK(how.code == 0 && how.signal == 0);
    CHECK_EQUAL(ipc_child_close(child), 0);
  }
  return NULL;
}

static atomic_int over;

static void *allocator(void *argument) {
  (void)argument;
  while (!over) {
    char *bytes = malloc(100000);
    CHECK(bytes != NULL);
    memset(bytes, 1, 100000);
    free(bytes);
  }
  return NULL;
}

int main(void) {
  int before = open_descriptors();
  pthread_t threads[THREADS], busy;
  static const char letters[] = "abcd";
  CHECK_EQUAL(pthread_create(&busy, NULL, allocator, NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    CHECK_EQUAL(pthread_create(&threads[i], NULL, starter, (void *)&letters[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  over = 1;
  CHECK_EQUAL(pthread_join(busy, NULL), 0);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
