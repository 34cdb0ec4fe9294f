/* Requests come by priority, and by age. A server may answer out of order, also from another thread, and each reply
 * reaches its own call. */
#include "service.h"

#include <pthread.h>

static ipc_service_t *service;

static void *answer(void *request) {
  reply_with(service, request, "from a thread");
  return NULL;
}

int main(void) {
  const char *name = unique_name("service");
  service = serve(name, &service_attr);
  ipc_client_t *client = client_of(name, 0);
  uint64_t low = send_text(client, "low", 1), first = send_text(client, "first", 5), second = send_text(client, "second", 5),
           high = send_text(client, "high", 9), lowest = send_text(client, "lowest", 0), third = send_text(client, "third", 5);
  ipc_request_t requests[6];
  static const char *const order[] = { "high", "first", "second", "third", "low", "lowest" };
  for (int i = 0; i < 6; i++) requests[i] = expect_request(service, order[i], 0);
  CHECK_EQUAL(requests[0].priority, 9);
  char buffer[SIZE];
  ipc_request_t none;
  CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &none, 0), -EAGAIN);
  CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &none, MILLISECOND), -ETIMEDOUT);
  uint64_t id = 77;
  CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &id, 0), -EAGAIN);
  CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &id, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(id, 77);

  reply_with(service, &requests[5], "to lowest");
  reply_with(service, &requests[1], "to first");
  reply_with(service, &requests[0], "to high");
  expect_later(client, lowest, "to lowest");
  expect_later(client, first, "to first");
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, answer, &requests[2]) == 0);
  expect_later(client, high, "to high");
  expect_later(client, second, "from a thread");
  CHECK(pthread_join(thread, NULL) == 0);
  reply_with(service, &requests[4], "to low");
  reply_with(service, &requests[3], "to third");
  expect_later(client, low, "to low");
  expect_later(client, third, "to third");

  /* A request or a reply that does not fit stays. */
  id = send_text(client, "a long request", 0);
  CHECK_EQUAL(ipc_service_receive(service, buffer, 3, &none, 0), -EMSGSIZE);
  requests[0] = expect_request(service, "a long request", 0);
  char large[SIZE + 1] = "";
  CHECK_EQUAL(ipc_service_reply(service, &requests[0], large, SIZE + 1), -EMSGSIZE);
  reply_with(service, &requests[0], "a long reply");
  uint64_t found;
  CHECK_EQUAL(ipc_client_receive(client, buffer, 3, &found, 0), -EMSGSIZE);
  expect_later(client, id, "a long reply");
  CHECK_EQUAL(ipc_client_send(client, large, SIZE + 1, 0, 0, &found), -EMSGSIZE);
  CHECK_EQUAL(ipc_client_call(client, large, SIZE + 1, 0, buffer, SIZE, SECOND), -EMSGSIZE);
  CHECK_EQUAL(ipc_client_send(client, large, 1, IPC_MQ_PRIORITY_MAX + 1, 0, &found), -EINVAL);

  /* Random priorities: the heap stays in order. */
  unsigned state = 5;
  for (int round = 0; round < 2000; round++) {
    unsigned priorities[8];
    for (int i = 0; i < 8; i++) {
      state = state * 1103515245 + 12345;
      priorities[i] = (state >> 16) % 5;
      send_text(client, "x", priorities[i]);
    }
    for (unsigned i = 0, last = 5; i < 8; i++) {
      requests[0] = expect_request(service, "x", 0);
      CHECK(requests[0].priority <= last);
      last = requests[0].priority;
      reply_with(service, &requests[0], "y");
      CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &found, 0), 1);
      CHECK_EQUAL(found, requests[0].id);
    }
  }
  check_at_rest(service, client);
  return 0;
}
