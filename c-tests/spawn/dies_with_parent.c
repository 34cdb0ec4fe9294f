/* A child with IPC_CHILD_DIES_WITH_PARENT dies when its parent process dies, at whatever moment, and when the parent
 * executes another program. It does not die when the thread ends that started it. */
#include "streams.h"

static int ends[2];

static ipc_child_t *start_sleeper(void) {
  const char *const argv[] = {"sleep", "1000", NULL};
  ipc_child_setup_t setup = {.flags = IPC_CHILD_DIES_WITH_PARENT};
  ipc_child_descriptor_t given = {ends[1], 3}; /* open as long as the child lives */
  setup.descriptors = &given;
  setup.descriptor_count = 1;
  ipc_spawn_attr_t attr = {.setup = &setup};
  ipc_child_t *child;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), 0);
  return child;
}

static void *in_thread(void *unused) {
  (void)unused;
  return start_sleeper();
}

static void dies(void *unused) {
  (void)unused;
  start_sleeper();
  raise(SIGKILL);
}

static void executes(void *unused) {
  (void)unused;
  start_sleeper();
  execlp("true", "true", (char *)NULL);
}

static void spawns_for_ever(void *unused) {
  (void)unused;
  for (;;) {
    ipc_child_t *child = start_sleeper();
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    ipc_child_kill(child, SIGKILL);
    ipc_child_close(child);
  }
}

/* Reads until nobody has the pipe any more. */
static void await_end(void) {
  char bytes[4096];
  close(ends[1]);
  while (read(ends[0], bytes, sizeof bytes) > 0) continue;
  close(ends[0]);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it has no pidfd_send_signal");
  int before = open_descriptors();
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQUAL(wait_for(start(dies, NULL)), SIGKILL);
  await_end();

  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  FINISH(start(executes, NULL));
  await_end();

  /* Killed at any moment of a spawn. */
  for (int i = 0; i < 60; i++) {
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = start(spawns_for_ever, NULL);
    char byte;
    for (int j = 0; j <= i % 4; j++) CHECK_EQUAL(read(ends[0], &byte, 1), 1);
    for (volatile int spin = 0; spin < i * 2000;) spin = spin + 1;
    KILL(parent);
    await_end();
  }

  /* The thread that started the child has ended. */
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  pthread_t thread;
  void *child;
  CHECK_EQUAL(pthread_create(&thread, NULL, in_thread, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, &child), 0);
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, 50 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_child_kill(child, SIGTERM), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.signal, SIGTERM);
  CHECK_EQUAL(ipc_child_close(child), 0);
  await_end();

  /* Errors come back from the thread that starts it. */
  const char *const argv[] = {"/nowhere/program", NULL};
  ipc_child_setup_t setup = {.flags = IPC_CHILD_DIES_WITH_PARENT};
  ipc_spawn_attr_t attr = {.setup = &setup};
  ipc_child_t *none;
  CHECK_FAILS(ipc_spawn_with(&none, argv, 0, &attr), -ENOENT, "cannot be executed");
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
