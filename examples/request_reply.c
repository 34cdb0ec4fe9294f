/* A question and its answer. The first server is killed with the question in its hands; the next one gets it, marked as redelivered, and
 * the client only sees that the answer took a moment longer. */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(long result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static pid_t serve(int dies) {
  pid_t child = fork();
  if (child != 0) return child;
  ipc_service_t *service;
  check(ipc_service_open(&service, "/example-square", NULL, 0, 0));
  int32_t number;
  ipc_request_t request;
  check(ipc_service_receive(service, &number, sizeof number, &request, IPC_FOREVER));
  if (dies) raise(SIGKILL);
  number *= number;
  check(ipc_service_reply(service, &request, &number, sizeof number));
  _exit(0);
}

int main(void) {
  ipc_service_attr_t attr = { .request_size = sizeof(int32_t), .reply_size = sizeof(int32_t) };
  ipc_service_t *service;
  ipc_client_t *client;
  check(ipc_service_open(&service, "/example-square", &attr, IPC_CREATE, 0600));
  check(ipc_client_open(&client, "/example-square", 0));

  pid_t dying = serve(1);
  int32_t question = 12, answer;
  uint64_t id;
  check(ipc_client_send(client, &question, sizeof question, 0, IPC_FOREVER, &id));
  waitpid(dying, NULL, 0);
  pid_t living = serve(0);
  check(ipc_client_receive(client, &answer, sizeof answer, &id, IPC_FOREVER));
  printf("12 * 12 = %d\n", answer);

  int status;
  waitpid(living, &status, 0);
  check(ipc_client_close(client));
  check(ipc_service_close(service));
  check(ipc_service_unlink("/example-square"));
  return status != 0 || answer != 144;
}
