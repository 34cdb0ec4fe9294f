/* Sizes, flags and types are compared when a service is opened, and the text names what differs. */
#include "service.h"

typedef struct { int32_t what; } Question;
typedef struct { int64_t value; } Answer;

static const ipc_type_t question = IPC_TYPE(Question, 1), answer = IPC_TYPE(Answer, 1), newer = IPC_TYPE(Answer, 2);

int main(void) {
  const char *name = unique_name("service");
  ipc_service_attr_t attr = { .request_type = &question, .reply_type = &answer };
  ipc_service_t *service = serve(name, &attr), *other = (ipc_service_t *)&attr;
  ipc_client_t *client;
  Answer reply;
  CHECK_EQUAL(ipc_client_open_typed(&client, name, &question, &answer, 0), 0);
  CHECK_EQUAL(ipc_client_send(client, "12345", 5, 0, 0, &(uint64_t){ 0 }), -EMSGSIZE); /* the sizes are the types' */
  uint64_t id;
  CHECK_EQUAL(ipc_client_send(client, &(Question){ 6 }, sizeof(Question), 0, 0, &id), 0);
  Question asked;
  ipc_request_t request;
  CHECK_EQUAL(ipc_service_receive(service, &asked, sizeof asked, &request, 0), sizeof asked);
  CHECK_EQUAL(ipc_service_reply(service, &request, &(Answer){ asked.what * 7 }, sizeof(Answer)), 0);
  CHECK_EQUAL(ipc_client_receive(client, &reply, sizeof reply, &id, 0), sizeof reply);
  CHECK_EQUAL(reply.value, 42);

  CHECK_FAILS(ipc_client_open_typed(&client, name, &question, &newer, 0), -EPROTO, "expected type Answer version 2");
  CHECK_FAILS(ipc_client_open_typed(&client, name, &answer, NULL, 0), -EPROTO, "found Question");
  CHECK_EQUAL(ipc_client_open_typed(&client, name, NULL, &answer, 0), 0);
  attr.reply_type = &newer;
  CHECK_FAILS(ipc_service_open(&other, name, &attr, 0, 0), -EPROTO, "version 2");
  attr = (ipc_service_attr_t){ .request_type = &question, .reply_type = &answer, .flags = IPC_SERVICE_ONCE };
  CHECK_FAILS(ipc_service_open(&other, name, &attr, 0, 0), -EPROTO, "delivers once");
  attr = (ipc_service_attr_t){ .request_type = &question, .reply_type = &answer, .max_requests = 65 };
  CHECK_FAILS(ipc_service_open(&other, name, &attr, IPC_CREATE, 0600), -EPROTO, "expected 65 requests");
  attr = (ipc_service_attr_t){ .request_type = &question, .request_size = 3 };
  CHECK_FAILS(ipc_service_open(&other, name, &attr, 0, 0), -EINVAL, "at least the 4 bytes");
  attr = (ipc_service_attr_t){ .flags = 2 };
  CHECK_EQUAL(ipc_service_open(&other, name, &attr, 0, 0), -EINVAL);
  attr = (ipc_service_attr_t){ .reserved = { 0, 0, 1 } };
  CHECK_EQUAL(ipc_service_open(&other, name, &attr, 0, 0), -EINVAL);
  attr = (ipc_service_attr_t){ .max_clients = SIZE_MAX / 2 + 1 };
  CHECK_EQUAL(ipc_service_open(&other, unique_name("large"), &attr, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_service_open(&other, name, NULL, IPC_READ_ONLY, 0), -EINVAL);
  CHECK(other == (ipc_service_t *)&attr);
  CHECK_EQUAL(ipc_service_open(&other, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(counts_of(other).servers, 2);

  /* The defaults. */
  ipc_service_t *plain = serve(unique_name("plain"), NULL);
  CHECK_EQUAL(counts_of(plain).clients, 0);
  ipc_client_t *of_plain = client_of(test_names[2], 0);
  CHECK_FAILS(ipc_client_open_typed(&client, test_names[2], &question, NULL, 0), -EPROTO, "without a type");
  char large[8192] = "";
  CHECK_EQUAL(ipc_client_send(of_plain, large, sizeof large, 0, 0, &id), 0);

  /* Other kinds of objects. */
  ipc_cell_t *cell;
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_cell_open(&cell, name, &question, 0, 0), -EMEDIUMTYPE);
  CHECK_FAILS(ipc_mq_open(&mq, name, NULL, 0, 0), -EMEDIUMTYPE, "found a service");
  CHECK_EQUAL(ipc_mq_open(&mq, unique_name("mq"), NULL, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_service_open(&other, test_names[3], NULL, IPC_CREATE, 0600), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_client_open(&client, test_names[3], 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_service_unlink(test_names[3]), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_service_stale(service), 0);
  CHECK_EQUAL(ipc_client_stale(of_plain), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SERVICE, name, -1), 0);
  CHECK_EQUAL(ipc_service_stale(service), 1);
  return 0;
}
