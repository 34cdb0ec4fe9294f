/* ipc_child_kill_group() reaches a child and what it has started, and nobody else; the child's end says whether it left a
 * core dump, and what it used. A stream's end can be closed alone. */
#include "streams.h"

static ipc_child_t *start_shell(const char *script, int setup_flags, int flags) {
  const char *const argv[] = {"/bin/sh", "-c", script, NULL};
  ipc_child_setup_t setup = {.flags = setup_flags};
  ipc_spawn_attr_t attr = {.setup = &setup};
  ipc_child_t *child;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, flags, &attr), 0);
  return child;
}

/* The shell starts a sleeper that has the pipe too: the pipe ends when both are dead. */
static void kill_both(int setup_flags, int leader_first) {
  ipc_child_t *child = start_shell("sleep 1000 & echo; wait", setup_flags, IPC_STDOUT_PIPE);
  char byte;
  ipc_child_exit_t how;
  int leader = ipc_child_pid(child);
  CHECK_EQUAL(read(ipc_child_stdout(child), &byte, 1), 1);
  CHECK_EQUAL(getpgid(leader), leader);
  CHECK_EQUAL(getsid(leader) == leader, (setup_flags & IPC_CHILD_NEW_SESSION) != 0);
  CHECK_EQUAL(ipc_child_kill_group(child, 0), 0);
  CHECK_FAILS(ipc_child_kill_group(child, 9999), -EINVAL, "not a signal");
  if (leader_first) {
    CHECK_EQUAL(ipc_child_kill(child, SIGKILL), 0);
    CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
    int result = ipc_child_kill_group(child, SIGKILL);
    if (result == -ESRCH) {
      CHECK_LAST_ERROR("before Linux 6.9");
      CHECK_EQUAL(kill(-leader, SIGKILL), 0);
    } else {
      CHECK_EQUAL(result, 0);
    }
  } else {
    CHECK_EQUAL(ipc_child_kill_group(child, SIGKILL), 0);
  }
  CHECK_EQUAL(read(ipc_child_stdout(child), &byte, 1), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK(how.code == -1 && how.signal == SIGKILL && how.core_dumped == 0);
  /* The group may still have a zombie that its new parent has not reaped yet. */
  int result = ipc_child_kill_group(child, SIGKILL);
  CHECK(result == 0 || result == -ESRCH);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(ipc_child_kill_group(child, SIGKILL), -EBADF);
}

static void ends(void) {
  ipc_child_t *child = start_shell("read line; echo out; echo err >&2; trap '' PIPE; echo more || exit 7", 0,
    IPC_STDIN_PIPE | IPC_STDOUT_PIPE | IPC_STDERR_PIPE);
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_close_stderr(child), 0);
  CHECK_EQUAL(ipc_child_close_stderr(child), -EBADF);
  CHECK_EQUAL(ipc_child_stderr(child), -EBADF);
  CHECK(ipc_child_stdout(child) >= 0 && ipc_child_stdin(child) >= 0);
  CHECK_EQUAL(ipc_child_close_stdout(child), 0);
  CHECK_EQUAL(ipc_child_close_stdout(child), -EBADF);
  CHECK_EQUAL(ipc_child_close_stdout(NULL), -EINVAL);
  CHECK_EQUAL(ipc_child_close_stderr(NULL), -EINVAL);
  CHECK_EQUAL(ipc_child_close_stdin(child), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK(how.signal == SIGPIPE && how.code == -1);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

static void usage(void) {
  ipc_child_t *child = start_shell("i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done", 0, 0);
  ipc_child_exit_t how = {.code = 5}, again = {.code = 6};
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CHECK(how.user_ns + how.system_ns > 0);
  CHECK(how.max_resident >= 100 * 1024 && how.max_resident < (1ULL << 40));
  CHECK(how.minor_faults > 0);
  CHECK_EQUAL(ipc_child_wait(child, &again, 0), 0);
  CHECK(memcmp(&how, &again, sizeof how) == 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it has no pidfd_send_signal");
  int before = open_descriptors();
  kill_both(IPC_CHILD_NEW_GROUP, 0);
  kill_both(IPC_CHILD_NEW_GROUP, 1);
  kill_both(IPC_CHILD_NEW_SESSION, 0);
  kill_both(IPC_CHILD_NEW_SESSION | IPC_CHILD_NEW_GROUP, 0);
  ipc_child_t *child = start_shell("exit 0", 0, 0);
  CHECK_FAILS(ipc_child_kill_group(child, SIGKILL), -EINVAL, "leader of a process group");
  CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(ipc_child_kill_group(NULL, 0), -EINVAL);
  ends();
  usage();

  /* A core dump is reported if one was made. What makes one is the machine's business. */
  child = start_shell("kill -ABRT $$", 0, 0);
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK(how.signal == SIGABRT && (how.core_dumped == 0 || how.core_dumped == 1));
  CHECK_EQUAL(ipc_child_close(child), 0);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
