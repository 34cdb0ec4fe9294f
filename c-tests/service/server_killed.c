/* A server dies with requests. The next server gets them, marked as redelivered, and the clients get its replies. A server
 * that closes its handle gives its requests back too. */
#include "service.h"

static const char *name;

static void server_that_stops(void *count) {
  ipc_service_t *service = serve(name, &service_attr);
  for (int i = 0; i < *(int *)count; i++) expect_request(service, "work", 0);
  stop_here();
}

static void caller(void *unused) {
  (void)unused;
  expect_reply(client_of(name, IPC_CLIENT_WAIT), "work", "done");
}

static void second_server(void *count) {
  ipc_service_t *service = serve(name, &service_attr);
  stop_here();
  for (int i = 0; i < *(int *)count; i++) {
    ipc_request_t request = expect_request(service, "work", 1);
    reply_with(service, &request, "done");
  }
}

int main(void) {
  name = unique_name("service");
  int one = 1, three = 3;
  ipc_service_t *service = serve(name, &service_attr);
  CHECK_EQUAL(ipc_service_close(service), 0);

  for (int round = 0; round < 10; round++) {
    /* The next server comes after the death. */
    pid_t server = start(server_that_stops, &one);
    ipc_client_t *own = client_of(name, IPC_CLIENT_WAIT);
    pid_t client = start(caller, NULL);
    wait_until_stopped(server);
    KILL(server);
    service = serve(name, &service_attr);
    ipc_request_t request = expect_request(service, "work", 1);
    reply_with(service, &request, "done");
    FINISH(client);
    CHECK_EQUAL(ipc_service_close(service), 0);
    CHECK_EQUAL(ipc_client_close(own), 0);
  }

  /* Another server waits already, asleep. */
  for (int round = 0; round < 10; round++) {
    pid_t second = start_stopped(second_server, &three);
    pid_t server = start(server_that_stops, &three);
    pid_t clients[3];
    for (int i = 0; i < 3; i++) clients[i] = start(caller, NULL);
    wait_until_stopped(server);
    continue_child(second);
    wait_until_on_futex(second);
    KILL(server);
    for (int i = 0; i < 3; i++) FINISH(clients[i]);
    FINISH(second);
  }

  /* Requests whose replies are received later. */
  pid_t second = start_stopped(second_server, &three);
  pid_t server = start(server_that_stops, &three);
  ipc_client_t *own = client_of(name, 0);
  uint64_t ids[3];
  for (int i = 0; i < 3; i++) ids[i] = send_text(own, "work", 0);
  wait_until_stopped(server);
  continue_child(second);
  KILL(server);
  for (int i = 0; i < 3; i++) expect_later(own, ids[i], "done");
  FINISH(second);

  /* A server closes its handle. */
  service = serve(name, &service_attr);
  ipc_service_t *other = serve(name, &service_attr);
  ids[0] = send_text(own, "work", 0);
  ids[1] = send_text(own, "more", 0);
  ipc_request_t request = expect_request(service, "work", 0);
  ipc_request_t kept = expect_request(other, "more", 0);
  CHECK_EQUAL(ipc_service_reply(other, &request, "no", 2), -EPERM);
  CHECK_EQUAL(ipc_service_close(service), 0);
  request = expect_request(other, "work", 1);
  reply_with(other, &request, "done");
  reply_with(other, &kept, "more");
  expect_later(own, ids[0], "done");
  expect_later(own, ids[1], "more");
  check_at_rest(other, own);
  CHECK(counts_of(other).redelivered >= 10 + 30 + 3 + 1);
  return 0;
}
