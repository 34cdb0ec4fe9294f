/* A program that has closed its standard streams: no call of the library opens a file at 0, 1 or 2, and each call works. */
#include "every_call.h"

#define SAVED 100

static void use_without_streams(void *argument) {
  const Call *call = argument;
  call_warm_up(call);
  call->before();
  for (int i = 0; i < 3; i++) CHECK(dup2(i, SAVED + i) >= 0 && fcntl(SAVED + i, F_SETFD, FD_CLOEXEC) == 0);
  for (int i = 0; i < 3; i++) close(i);
  long result = call->run();
  int taken = -1;
  for (int i = 0; i < 3; i++)
    if (fcntl(i, F_GETFD) >= 0) taken = i;
  char text[300];
  snprintf(text, sizeof text, "%s", result < 0 ? ipc_last_error() : "");
  call->after(result);
  for (int i = 0; i < 3 && taken < 0; i++)
    if (fcntl(i, F_GETFD) >= 0) taken = i;
  for (int i = 0; i < 3; i++) dup2(SAVED + i, i);
  if (taken >= 0) test_failed(__FILE__, __LINE__, "%s: descriptor %d is open", call->name, taken);
  if (!call_succeeded(result)) test_failed(__FILE__, __LINE__, "%s: %ld %s", call->name, result, text);
  _exit(0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("a process for each call takes too long there");
  int failed = 0;
  for (int i = 0; i < call_count; i++) {
    call_prepare(&every_call[i]);
    failed += wait_for(start(use_without_streams, &every_call[i])) != 0;
    call_clean();
  }
  CHECK_EQUAL(failed, 0);

  /* A received descriptor too, and both ends of pairs. */
  int ends[2], pipes[2], received = -1, given = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (int i = 0; i < 3; i++) CHECK(dup2(i, SAVED + i) >= 0);
  for (int i = 0; i < 3; i++) close(i);
  int made = ipc_sock_pair(&ends[0], &ends[1], IPC_SOCK_STREAM, IPC_INHERIT);
  int piped = ipc_pipe(&pipes[0], &pipes[1], IPC_INHERIT);
  size_t count = 0;
  int sent = (int)ipc_sock_send_fds(ends[0], "x", 1, &given, 1, 0);
  char byte;
  int got = (int)ipc_sock_recv_fds(ends[1], &byte, 1, &received, 1, &count, 0);
  int flags[4];
  for (int i = 0; i < 2; i++) flags[i] = fcntl(ends[i], F_GETFD), flags[i + 2] = fcntl(pipes[i], F_GETFD);
  for (int i = 0; i < 3; i++) dup2(SAVED + i, i);
  CHECK_EQUAL(made, 0);
  CHECK_EQUAL(piped, 0);
  CHECK_EQUAL(sent, 1);
  CHECK_EQUAL(got, 1);
  CHECK(count == 1 && received > 2 && ends[0] > 2 && ends[1] > 2 && pipes[0] > 2 && pipes[1] > 2);
  /* A moved descriptor is as inherited as it was asked to be. */
  for (int i = 0; i < 4; i++) CHECK_EQUAL(flags[i], 0);
  return 0;
}
