/* In a service that delivers once, the client learns of the server's death, and no server gets the request again. */
#include "service.h"

static const char *name;

static void server_that_stops(void *count) {
  ipc_service_t *service = serve(name, &once_attr);
  for (int i = 0; i < *(int *)count; i++) expect_request(service, "work", 0);
  stop_here();
}

static void caller(void *unused) {
  (void)unused;
  char buffer[SIZE] = "unchanged";
  ipc_client_t *client = client_of(name, 0);
  CHECK_FAILS(ipc_client_call(client, "work", 4, 0, buffer, SIZE, IPC_FOREVER), -EOWNERDEAD, "delivers once");
  CHECK(strcmp(buffer, "unchanged") == 0);
}

int main(void) {
  name = unique_name("service");
  int one = 1, three = 3;
  ipc_service_t *service = serve(name, &once_attr);
  ipc_client_t *own = client_of(name, 0);
  char buffer[SIZE];
  ipc_request_t none;
  for (int round = 0; round < 10; round++) {
    CHECK_EQUAL(ipc_service_close(service), 0);
    /* Nobody else serves, and the client sleeps. */
    pid_t server = start(server_that_stops, &one);
    while (ipc_client_open(&own, name, 0) < 0) sched_yield();
    ipc_service_stat_t stat;
    do {
      service = serve(name, &once_attr);
      stat = counts_of(service);
      CHECK_EQUAL(ipc_service_close(service), 0);
    } while (stat.servers < 2);
    pid_t client = start(caller, NULL);
    wait_until_stopped(server);
    KILL(server);
    FINISH(client);
    service = serve(name, &once_attr);
    CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &none, 0), -EAGAIN);
    CHECK_EQUAL(ipc_client_close(own), 0);
  }

  own = client_of(name, 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
  pid_t server = start(server_that_stops, &three);
  uint64_t ids[4], found;
  do service = serve(name, &once_attr);
  while (counts_of(service).servers < 2 && ipc_service_close(service) == 0);
  for (int i = 0; i < 3; i++) ids[i] = send_text(own, "work", 0);
  wait_until_stopped(server);
  ids[3] = send_text(own, "other", 0);
  KILL(server);
  ipc_request_t request = expect_request(service, "other", 0);
  int lost = 0, answered = 0;
  reply_with(service, &request, "done");
  for (int i = 0; i < 4; i++) {
    ssize_t length = ipc_client_receive(own, buffer, SIZE, &found, PATIENCE);
    if (length == -EOWNERDEAD) {
      CHECK(found == ids[0] || found == ids[1] || found == ids[2]);
      lost++;
    } else {
      CHECK_EQUAL(length, 4);
      CHECK_EQUAL(found, ids[3]);
      answered++;
    }
  }
  CHECK(lost == 3 && answered == 1);

  /* A server that closes its handle. */
  ids[0] = send_text(own, "work", 0);
  expect_request(service, "work", 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
  CHECK_EQUAL(ipc_client_receive(own, buffer, SIZE, &found, 0), -EOWNERDEAD);
  CHECK_EQUAL(found, ids[0]);
  service = serve(name, &once_attr);
  check_at_rest(service, own);
  CHECK_EQUAL(counts_of(service).redelivered, 0);
  CHECK_EQUAL(counts_of(service).lost, 14);
  return 0;
}
