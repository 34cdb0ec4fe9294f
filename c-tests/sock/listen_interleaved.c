/* A server that replaces a dead socket is stopped at any of its system calls, and a second server starts meanwhile. One
 * of them succeeds, and the other does not remove the winner's socket. */
#include "sock.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

typedef struct {
  _Atomic int first, second;
} Results;

static const char *path;
static Results *results;

static void first_starter(void *unused) {
  (void)unused;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* this happens also if a check of the test fails */
  be_traced();
  raise(SIGSTOP);
  results->first = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  pause();
}

static void second_starter(void *unused) {
  (void)unused;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  results->second = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
  pause();
}

static int result_of(_Atomic int *result) {
  for (int64_t limit = now_ns() + PATIENCE; *result == 0; sched_yield()) CHECK(now_ns() < limit);
  return *result;
}

/* Stops the first server at its stop number `last`. Returns false if it has fewer stops. */
static bool held_up_at(int last) {
  results->first = results->second = 0;
  pid_t first = start(first_starter, NULL);
  int status;
  CHECK_EQUAL(waitpid(first, &status, 0), first);
  if (WIFEXITED(status)) SKIP("ptrace is not permitted");
  for (int stop = 0; stop < last && results->first == 0; stop++) {
    CHECK(ptrace(PTRACE_SYSCALL, first, NULL, NULL) == 0);
    CHECK_EQUAL(waitpid(first, &status, 0), first);
    CHECK(WIFSTOPPED(status));
  }
  bool was_under_way = results->first == 0;

  /* The second server has its result and pauses, or it waits for the first. */
  pid_t second = start(second_starter, NULL);
  wait_until_asleep(second);
  CHECK(ptrace(PTRACE_DETACH, first, NULL, NULL) == 0);

  int first_result = result_of(&results->first), second_result = result_of(&results->second);
  CHECK((first_result > 0) != (second_result > 0));
  CHECK_EQUAL(first_result > 0 ? second_result : first_result, -EADDRINUSE);
  int client = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0);
  CHECK(client >= 0);
  close(client);
  KILL(first);
  KILL(second);
  return was_under_way;
}

int main(void) {
  SKIP_UNDER_VALGRIND("its system calls are not the program's");
  path = unique_path("sock");
  results = shared_memory(sizeof *results);
  leave_dead_socket(path);
  int stops = 1;
  while (held_up_at(stops)) stops++;
  CHECK(stops > 16);
  return 0;
}
