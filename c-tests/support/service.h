/* For the tests of services: opening both sides, and a server that answers what it is told. */
#ifndef SERVICE_H
#define SERVICE_H

#include "asleep.h"

#define SIZE 64

static const ipc_service_attr_t service_attr = { .request_size = SIZE, .reply_size = SIZE, .max_requests = 8, .max_clients = 8 };
static const ipc_service_attr_t once_attr = { .request_size = SIZE, .reply_size = SIZE, .max_requests = 8, .max_clients = 8,
  .flags = IPC_SERVICE_ONCE };

__attribute__((unused)) static ipc_service_t *serve(const char *name, const ipc_service_attr_t *attr) {
  ipc_service_t *service = NULL;
  CHECK(ipc_service_open(&service, name, attr, IPC_CREATE, 0600) >= 0);
  return service;
}

__attribute__((unused)) static ipc_client_t *client_of(const char *name, int flags) {
  ipc_client_t *client = NULL;
  CHECK_EQUAL(ipc_client_open(&client, name, flags), 0);
  return client;
}

/* Receives a request, which must be this text. */
__attribute__((unused)) static ipc_request_t expect_request(ipc_service_t *service, const char *text, unsigned redeliveries) {
  char buffer[SIZE + 1] = "";
  ipc_request_t request;
  CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, PATIENCE), (ssize_t)strlen(text));
  if (strcmp(buffer, text) != 0) test_failed(__FILE__, __LINE__, "expected request \"%s\", found \"%s\"", text, buffer);
  CHECK_EQUAL(request.redeliveries, redeliveries);
  return request;
}

__attribute__((unused)) static void reply_with(ipc_service_t *service, const ipc_request_t *request, const char *text) {
  CHECK_EQUAL(ipc_service_reply(service, request, text, strlen(text)), 0);
}

/* Calls with a text, and expects another. */
__attribute__((unused)) static void expect_reply(ipc_client_t *client, const char *text, const char *expected) {
  char buffer[SIZE + 1] = "";
  CHECK_EQUAL(ipc_client_call(client, text, strlen(text), 0, buffer, SIZE, PATIENCE), (ssize_t)strlen(expected));
  if (strcmp(buffer, expected) != 0) test_failed(__FILE__, __LINE__, "expected reply \"%s\", found \"%s\"", expected, buffer);
}

__attribute__((unused)) static uint64_t send_text(ipc_client_t *client, const char *text, unsigned priority) {
  uint64_t id = 0;
  CHECK_EQUAL(ipc_client_send(client, text, strlen(text), priority, PATIENCE, &id), 0);
  CHECK(id != 0);
  return id;
}

__attribute__((unused)) static void expect_later(ipc_client_t *client, uint64_t id, const char *expected) {
  char buffer[SIZE + 1] = "";
  uint64_t found = 0;
  CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &found, PATIENCE), (ssize_t)strlen(expected));
  CHECK(strcmp(buffer, expected) == 0);
  CHECK_EQUAL(found, id);
}

__attribute__((unused)) static ipc_service_stat_t counts_of(ipc_service_t *service) {
  ipc_service_stat_t stat;
  CHECK_EQUAL(ipc_service_stat(service, &stat), 0);
  return stat;
}

/* Nothing is under way, and every slot can be used. */
__attribute__((unused)) static void check_at_rest(ipc_service_t *service, ipc_client_t *client) {
  ipc_service_stat_t stat = counts_of(service);
  CHECK_EQUAL(stat.pending, 0);
  CHECK_EQUAL(stat.taken, 0);
  uint64_t ids[8];
  for (int i = 0; i < 8; i++) CHECK_EQUAL(ipc_client_send(client, "x", 1, 0, 0, &ids[i]), 0);
  CHECK_EQUAL(ipc_client_send(client, "x", 1, 0, 0, &ids[0]), -EAGAIN);
  for (int i = 0; i < 8; i++) {
    ipc_request_t request = expect_request(service, "x", 0);
    reply_with(service, &request, "y");
  }
  for (int i = 0; i < 8; i++) expect_later(client, ids[i], "y");
}

#endif
