/* Questions and answers: the square of a number.
 *
 *   answers NAME serve [STOP_AT]   answers questions until the end
 *   answers NAME ask COUNT         asks for the squares of 1 to COUNT, and sends the end
 *
 * With STOP_AT the server stops itself (SIGSTOP) with that question in its hands, so that the demonstration can kill it at
 * exactly that point. The next server gets the question, and the client, which has waited in its call, gets the answer.
 */
#include <errno.h>
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const ipc_service_attr_t attr = { .request_size = sizeof(uint64_t), .reply_size = sizeof(uint64_t) };

static int fail(void) {
  fprintf(stderr, "answers: %s\n", ipc_last_error());
  return EXIT_FAILURE;
}

static int serve(const char *name, uint64_t stop_at) {
  ipc_service_t *service;
  if (ipc_service_open(&service, name, &attr, IPC_CREATE, 0600) < 0) return fail();
  for (uint64_t number = 1; number != 0;) {
    ipc_request_t request;
    if (ipc_service_receive(service, &number, sizeof number, &request, INT64_C(10000000000)) < 0) return fail();
    if (number == stop_at) raise(SIGSTOP);
    if (request.redeliveries != 0) printf("question %llu, which another server had, is answered\n", (unsigned long long)number);
    uint64_t answer = number * number;
    if (ipc_service_reply(service, &request, &answer, sizeof answer) < 0) return fail();
  }
  ipc_service_stat_t stat;
  if (ipc_service_stat(service, &stat) < 0 || ipc_service_close(service) < 0 || ipc_service_unlink(name) < 0) return fail();
  size_t leaked = stat.taken + stat.pending;
  printf("requests that came back: %llu, leaked: %zu\n", (unsigned long long)stat.redelivered, leaked);
  return leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int ask(const char *name, uint64_t count) {
  ipc_client_t *client;
  int result;
  while ((result = ipc_client_open(&client, name, IPC_CLIENT_WAIT)) == -ENOENT)
    nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL); /* the server has not created the service yet */
  if (result < 0) return fail();
  uint64_t right = 0;
  for (uint64_t number = 1; number <= count; number++) {
    uint64_t answer = 0;
    ssize_t length =
      ipc_client_call(client, &number, sizeof number, 0, &answer, sizeof answer, INT64_C(10000000000));
    if (length < 0) return fail();
    right += length == sizeof answer && answer == number * number;
  }
  uint64_t end = 0, answer;
  if (ipc_client_call(client, &end, sizeof end, 0, &answer, sizeof answer, INT64_C(10000000000)) < 0) return fail();
  if (ipc_client_close(client) < 0) return fail();
  printf("answers: %llu, lost: %llu\n", (unsigned long long)right, (unsigned long long)(count - right));
  return right == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char *argv[]) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX;
  if (argc >= 3 && strcmp(argv[2], "serve") == 0) return serve(argv[1], number);
  if (argc == 4 && strcmp(argv[2], "ask") == 0) return ask(argv[1], number);
  fprintf(stderr, "usage: answers NAME serve [STOP_AT] | answers NAME ask COUNT\n");
  return EXIT_FAILURE;
}
