/* A dead client leaves nothing behind: its waiting requests are not received, replies to it are discarded, and its place and
 * its slots are free again. */
#include "service.h"

static const char *name;

static void sender(void *unused) {
  (void)unused;
  ipc_client_t *client = client_of(name, 0);
  for (int i = 0; i < 8; i++) send_text(client, i < 2 ? "taken" : i < 4 ? "answered" : "waiting", i < 2 ? 9 : i < 4 ? 8 : 0);
  stop_here();
}

int main(void) {
  name = unique_name("service");
  ipc_service_t *service = serve(name, &service_attr);
  char buffer[SIZE];
  ipc_request_t taken[2], request, none;
  for (int round = 0; round < 20; round++) {
    pid_t client = start_stopped(sender, NULL);
    for (int i = 0; i < 2; i++) taken[i] = expect_request(service, "taken", 0);
    for (int i = 0; i < 2; i++) {
      request = expect_request(service, "answered", 0);
      reply_with(service, &request, "unread");
    }
    KILL(client);
    if (round % 2 == 0) {
      /* A receive finds it. */
      /* A request younger than a millisecond is received without a look at its client. */
      for (int64_t end = now_ns() + 2 * MILLISECOND; now_ns() < end;) sched_yield();
      CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &none, 0), -EAGAIN);
    }
    ipc_service_stat_t stat = counts_of(service);
    CHECK_EQUAL(stat.clients, 0);
    CHECK_EQUAL(stat.pending, 0);
    CHECK_EQUAL(stat.taken, 2);
    for (int i = 0; i < 2; i++) reply_with(service, &taken[i], "to nobody");
    ipc_client_t *own = client_of(name, 0);
    check_at_rest(service, own);
    CHECK_EQUAL(ipc_client_close(own), 0);
  }

  /* All slots are a dead client's, and a living client needs one: it gets one without the help of a server. */
  pid_t client = start_stopped(sender, NULL);
  ipc_client_t *own = client_of(name, 0);
  uint64_t id;
  CHECK_EQUAL(ipc_client_send(own, "own", 3, 0, 0, &id), -EAGAIN);
  KILL(client);
  CHECK_EQUAL(ipc_client_send(own, "own", 3, 0, 0, &id), 0);
  request = expect_request(service, "own", 0);
  reply_with(service, &request, "done");
  expect_later(own, id, "done");

  /* All places are taken by dead clients. */
  for (int i = 0; i < 7; i++) KILL(start_stopped(sender, NULL));
  ipc_client_t *more[8];
  for (int i = 0; i < 7; i++) more[i] = client_of(name, 0);
  CHECK_FAILS(ipc_client_open(&more[7], name, 0), -EUSERS, "8 clients");

  /* A client that closes its handle leaves nothing either. */
  for (int i = 0; i < 3; i++) send_text(more[0], "closed", 0);
  taken[0] = expect_request(service, "closed", 0);
  CHECK_EQUAL(ipc_client_close(more[0]), 0);
  CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &none, 0), -EAGAIN);
  reply_with(service, &taken[0], "to nobody");
  check_at_rest(service, own);
  return 0;
}
