/* Several servers share the requests of several clients: each request is answered once, and each client gets its own
 * replies. */
#include "service.h"

#define CALLS 3000

static const char *name;
static struct { unsigned answered[3]; } *shared;

static void server(void *number) {
  ipc_service_t *service = serve(name, &service_attr);
  for (;;) {
    char buffer[SIZE], text[SIZE + 16];
    ipc_request_t request;
    ssize_t length = ipc_service_receive(service, buffer, SIZE, &request, IPC_FOREVER);
    CHECK(length > 0);
    int size = snprintf(text, sizeof text, "%.*s!", (int)length, buffer);
    shared->answered[*(int *)number]++;
    CHECK_EQUAL(ipc_service_reply(service, &request, text, (size_t)size), 0);
  }
}

static void client(void *unused) {
  (void)unused;
  ipc_client_t *own = client_of(name, IPC_CLIENT_WAIT);
  for (int i = 0; i < CALLS; i++) {
    char text[32], expected[SIZE];
    snprintf(text, sizeof text, "%d/%d", (int)getpid(), i);
    snprintf(expected, sizeof expected, "%s!", text);
    if (i % 2 == 0)
      expect_reply(own, text, expected);
    else
      expect_later(own, send_text(own, text, 0), expected);
  }
}

int main(void) {
  name = unique_name("service");
  shared = shared_memory(sizeof *shared);
  ipc_service_t *service = serve(name, &service_attr);
  CHECK_EQUAL(ipc_service_close(service), 0);
  int numbers[3] = { 0, 1, 2 };
  pid_t servers[3], clients[3];
  for (int i = 0; i < 3; i++) servers[i] = start(server, &numbers[i]);
  for (int i = 0; i < 3; i++) clients[i] = start(client, NULL);
  for (int i = 0; i < 3; i++) FINISH(clients[i]);
  unsigned sum = 0;
  for (int i = 0; i < 3; i++) sum += shared->answered[i];
  CHECK_EQUAL(sum, 3 * CALLS);
  for (int i = 0; i < 3; i++) KILL(servers[i]);
  return 0;
}
