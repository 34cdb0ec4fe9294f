/* A reply that comes after its client has given up reaches no later call. */
#include "service.h"

static const char *name;

static void caller(void *unused) {
  (void)unused;
  expect_reply(client_of(name, 0), "second", "to second");
}

static void on_signal(int number) { (void)number; }

static void interrupted(void *unused) {
  (void)unused;
  struct sigaction action = { .sa_handler = on_signal };
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  char buffer[SIZE];
  CHECK_EQUAL(ipc_client_call(client_of(name, 0), "interrupted", 11, 0, buffer, SIZE, PATIENCE), -EINTR);
}

int main(void) {
  name = unique_name("service");
  ipc_service_attr_t attr = service_attr;
  attr.max_requests = 1; /* every call uses the same slot */
  ipc_service_t *service = serve(name, &attr);
  ipc_client_t *client = client_of(name, 0);
  char buffer[SIZE];
  for (int round = 0; round < 100; round++) {
    /* The server has the request when the client gives up. */
    pid_t first = start(interrupted, NULL);
    ipc_request_t late = expect_request(service, "interrupted", 0);
    wait_until_asleep(first);
    CHECK_EQUAL(interrupt_until_ended(first, SIGUSR1), 0);
    uint64_t id;
    CHECK_EQUAL(ipc_client_send(client, "x", 1, 0, 0, &id), -EAGAIN); /* the slot is the server's until it replies */
    reply_with(service, &late, "to first");
    CHECK_EQUAL(ipc_service_reply(service, &late, "to first", 8), -EINVAL);
    pid_t second = start(caller, NULL);
    ipc_request_t request = expect_request(service, "second", 0);
    CHECK(request.id != late.id);
    CHECK_EQUAL(ipc_service_reply(service, &late, "to first", 8), -EINVAL);
    reply_with(service, &request, "to second");
    FINISH(second);
  }

  /* The request still waits for a server when the client gives up: no server gets it. */
  CHECK_EQUAL(ipc_client_call(client, "first", 5, 0, buffer, SIZE, MILLISECOND), -ETIMEDOUT);
  ipc_request_t none;
  CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &none, 0), -EAGAIN);
  CHECK_EQUAL(counts_of(service).pending, 0);
  return 0;
}
