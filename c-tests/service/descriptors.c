/* The descriptors of both sides: a server's is readable while a request waits, a client's while a reply does. */
#include "service.h"

#include <poll.h>

static const char *name;

/* Whether the descriptor is readable, within a time. */
static int is_readable(int fd, int timeout_ms) {
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  int found = poll(&entry, 1, timeout_ms);
  CHECK(found >= 0);
  return found == 1 && (entry.revents & POLLIN) != 0;
}

static void server(void *unused) {
  (void)unused;
  ipc_service_t *service = serve(name, &service_attr);
  int fd = ipc_service_fd(service);
  CHECK(fd > 2);
  for (int i = 0; i < 100; i++) {
    char buffer[SIZE];
    ipc_request_t request;
    ssize_t length;
    while ((length = ipc_service_receive(service, buffer, SIZE, &request, 0)) == -EAGAIN) CHECK(is_readable(fd, 100000));
    CHECK_EQUAL(length, 1);
    reply_with(service, &request, "y");
  }
}

int main(void) {
  name = unique_name("service");
  ipc_service_t *service = serve(name, &service_attr);
  ipc_client_t *client = client_of(name, IPC_CLIENT_WAIT);
  int requests = ipc_service_fd(service), replies = ipc_client_fd(client);
  CHECK(requests > 2 && replies > 2);
  CHECK_EQUAL(ipc_service_fd(service), requests);
  CHECK(!is_readable(requests, 0) && !is_readable(replies, 0));
  uint64_t first = send_text(client, "x", 0), second = send_text(client, "x", 0);
  CHECK(is_readable(requests, 100000) && !is_readable(replies, 0));
  ipc_request_t request = expect_request(service, "x", 0);
  CHECK(is_readable(requests, 0));
  reply_with(service, &request, "y");
  CHECK(is_readable(replies, 100000));
  request = expect_request(service, "x", 0);
  CHECK(!is_readable(requests, 0));
  reply_with(service, &request, "y");
  expect_later(client, first, "y");
  CHECK(is_readable(replies, 0));
  expect_later(client, second, "y");
  CHECK(!is_readable(replies, 0));
  CHECK_EQUAL(ipc_service_close(service), 0);

  /* Two processes that only poll. */
  pid_t child = start(server, NULL);
  for (int i = 0; i < 100; i++) {
    uint64_t id = send_text(client, "x", 0), found;
    char buffer[SIZE];
    ssize_t length;
    while ((length = ipc_client_receive(client, buffer, SIZE, &found, 0)) == -EAGAIN) CHECK(is_readable(replies, 100000));
    CHECK_EQUAL(length, 1);
    CHECK_EQUAL(found, id);
  }
  FINISH(child);
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_client_fd(client), -EBADF);
  CHECK_EQUAL(ipc_service_fd(NULL), -EINVAL);
  return 0;
}
