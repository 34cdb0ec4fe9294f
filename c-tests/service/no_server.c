/* Without a server a call fails at once, or waits, as the client has chosen. A dead server is no server. */
#include "service.h"

static const char *name;

static void serve_and_stop(void *unused) {
  (void)unused;
  serve(name, &service_attr);
  stop_here();
}

static void patient_caller(void *unused) {
  (void)unused;
  expect_reply(client_of(name, IPC_CLIENT_WAIT), "work", "done");
}

int main(void) {
  name = unique_name("service");
  ipc_client_t *client, *patient;
  CHECK_EQUAL(ipc_client_open(&client, name, IPC_CLIENT_WAIT), -ENOENT); /* there is no such service */
  ipc_service_t *service = serve(name, &service_attr);
  client = client_of(name, 0);
  patient = client_of(name, IPC_CLIENT_WAIT);
  CHECK_EQUAL(ipc_service_close(service), 0);
  char buffer[SIZE];
  uint64_t id;
  for (int round = 0; round < 3; round++) {
    CHECK_FAILS(ipc_client_call(client, "x", 1, 0, buffer, SIZE, IPC_FOREVER), -ENOENT, "no process serves");
    CHECK_EQUAL(ipc_client_send(client, "x", 1, 0, IPC_FOREVER, &id), -ENOENT);
    CHECK_EQUAL(ipc_client_call(patient, "x", 1, 0, buffer, SIZE, MILLISECOND), -ETIMEDOUT);
    KILL(start_stopped(serve_and_stop, NULL)); /* once more with the place of a dead server */
    CHECK_EQUAL(ipc_client_call(client, "x", 1, 0, buffer, SIZE, IPC_FOREVER), -ENOENT);
  }
  id = send_text(patient, "later", 0);
  pid_t caller = start_asleep(patient_caller, NULL);
  service = serve(name, &service_attr);
  ipc_request_t request = expect_request(service, "later", 0);
  reply_with(service, &request, "done");
  request = expect_request(service, "work", 0);
  reply_with(service, &request, "done");
  expect_later(patient, id, "done");
  FINISH(caller);
  check_at_rest(service, client);

  /* A server that is stopped is alive. */
  CHECK_EQUAL(ipc_service_close(service), 0);
  pid_t stopped = start_stopped(serve_and_stop, NULL);
  CHECK_EQUAL(ipc_client_call(client, "x", 1, 0, buffer, SIZE, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_client_call(client, "x", 1, 0, buffer, SIZE, 0), -EAGAIN);
  KILL(stopped);
  return 0;
}
