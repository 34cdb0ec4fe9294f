/* A client gets the reply to its request. The request tells who sent it, with which priority, and until when the client
 * waits. */
#include "service.h"

static const char *name;

static void client(void *unused) {
  (void)unused;
  ipc_client_t *own = client_of(name, 0);
  for (int i = 0; i < 1000; i++) {
    char text[32], expected[SIZE];
    snprintf(text, sizeof text, "%d of %d", i, (int)getpid());
    snprintf(expected, sizeof expected, "re: %s", text);
    expect_reply(own, text, expected);
  }
  char buffer[SIZE] = "unchanged";
  CHECK_EQUAL(ipc_client_call(own, NULL, 0, IPC_MQ_PRIORITY_MAX, NULL, 0, 90 * SECOND), 0);
  CHECK_EQUAL(ipc_client_call(own, "stop", 4, 0, buffer, SIZE, IPC_FOREVER), 0);
  CHECK(strcmp(buffer, "unchanged") == 0);
  CHECK_EQUAL(ipc_client_close(own), 0);
}

int main(void) {
  name = unique_name("service");
  ipc_service_t *service;
  CHECK_EQUAL(ipc_service_open(&service, name, &service_attr, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_service_open(&service, name, &service_attr, IPC_CREATE, 0600), IPC_CREATED);
  pid_t clients[3];
  for (int i = 0; i < 3; i++) clients[i] = start(client, NULL);
  for (int stopped = 0, marked = 0; stopped < 3;) {
    char buffer[SIZE + 1] = "", text[2 * SIZE];
    ipc_request_t request;
    ssize_t length = ipc_service_receive(service, buffer, SIZE, &request, PATIENCE);
    CHECK(length >= 0);
    CHECK_EQUAL(request.uid, geteuid());
    CHECK_EQUAL(request.gid, getegid());
    CHECK_EQUAL(request.redeliveries, 0);
    CHECK(request.pid == clients[0] || request.pid == clients[1] || request.pid == clients[2]);
    if (strcmp(buffer, "stop") == 0) {
      CHECK_EQUAL(request.deadline_ns, 0);
      stopped++;
      CHECK_EQUAL(ipc_service_reply(service, &request, NULL, 0), 0);
    } else if (length == 0) {
      CHECK_EQUAL(request.priority, IPC_MQ_PRIORITY_MAX);
      int64_t left = request.deadline_ns - now_ns();
      CHECK(left > 0 && left <= 90 * SECOND);
      marked++;
      CHECK_EQUAL(ipc_service_reply(service, &request, NULL, 0), 0);
    } else {
      int process;
      CHECK(sscanf(buffer, "%*d of %d", &process) == 1 && process == request.pid);
      snprintf(text, sizeof text, "re: %s", buffer);
      reply_with(service, &request, text);
    }
    CHECK_EQUAL(ipc_service_reply(service, &request, NULL, 0), -EINVAL); /* it is answered */
    CHECK(stopped < 3 || marked == 3);
  }
  for (int i = 0; i < 3; i++) FINISH(clients[i]);
  ipc_service_stat_t stat = counts_of(service);
  CHECK_EQUAL(stat.answered, 3 * 1002);
  CHECK_EQUAL(stat.clients, 0);
  CHECK_EQUAL(stat.servers, 1);
  ipc_client_t *own = client_of(name, 0);
  check_at_rest(service, own);
  CHECK_EQUAL(ipc_client_close(own), 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
  CHECK_EQUAL(ipc_service_close(service), -EBADF);
  CHECK_EQUAL(ipc_client_close(own), -EBADF);
  CHECK_EQUAL(ipc_service_unlink(name), 0);
  CHECK_EQUAL(ipc_service_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_client_open(&own, name, 0), -ENOENT);
  return 0;
}
