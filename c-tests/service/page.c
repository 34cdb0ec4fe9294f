/* ipc_service(3), sentence by sentence. Other tests of this folder have deaths of servers and clients. */
#include "page.h"

#include <sys/stat.h>

static const char *name;

static uint64_t up(uint64_t number, uint64_t to) { return (number + to - 1) / to * to; }

static void call(void *expected) {
  ipc_client_t *client;
  char reply[64];
  CHECK_EQUAL(ipc_client_open(&client, name, 0), 0);
  CHECK_EQUAL(ipc_client_call(client, "question", 8, 3, reply, sizeof reply, PATIENCE), strlen(expected));
  CHECK(memcmp(reply, expected, strlen(expected)) == 0);
}

/* Leaves the place of a server that was killed while it served. */
static void killed_server(void) {
  pid_t child = fork();
  if (child == 0) {
    ipc_service_t *service;
    if (ipc_service_open(&service, name, NULL, 0, 0) == IPC_OPENED) raise(SIGKILL);
    _exit(1);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ipc_service_open() with what ipc_client_getattr() has read makes the same service. */
static void copied(void) {
  static const ipc_type_t request = IPC_TYPE(struct stat, 3), reply = IPC_TYPE(uint64_t, 1);
  ipc_service_attr_t attr = { .request_type = &request, .reply_type = &reply, .max_requests = 7, .max_clients = 3, .flags = IPC_SERVICE_ONCE };
  const char *copy = unique_name("copy");
  ipc_service_t *service, *second;
  ipc_client_t *client;
  ipc_type_t types[2];
  CHECK_EQUAL(ipc_service_open(&service, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_client_open(&client, name, 0), 0);
  CLAIM("ipc_service_open() takes the result as it is.");
  CHECK_EQUAL(ipc_client_getattr(client, &attr, &types[0], &types[1]), 0);
  CHECK(attr.request_type == &types[0] && attr.reply_type == &types[1]);
  CHECK(strcmp(types[0].name, "stat") == 0 && types[0].version == 3 && types[0].size == sizeof(struct stat));
  CHECK(attr.request_size == sizeof(struct stat) && attr.reply_size == 8 && attr.max_requests == 7 && attr.max_clients == 3);
  CHECK_EQUAL(attr.flags, IPC_SERVICE_ONCE);
  CHECK_EQUAL(ipc_service_open(&second, copy, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_service_close(second), 0);
  CHECK_EQUAL(ipc_service_unlink(copy), 0);
  CHECK_EQUAL(ipc_client_getattr(client, &attr, NULL, &types[1]), 0);
  CHECK(attr.request_type == NULL && attr.reply_type == &types[1]);
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_client_getattr(client, &attr, NULL, NULL), -EBADF);
  CHECK_EQUAL(ipc_service_close(service), 0);
  CHECK_EQUAL(ipc_service_unlink(name), 0);
}

static void sizes(void) {
  CLAIM("data = 5056 + 64 * max_clients + 2 * I + max_requests * (128 + R + A)");
  for (uint64_t requests = 1; requests <= 1000; requests *= 10)
    for (uint64_t size = 1; size <= 1000; size *= 10) {
      ipc_service_attr_t attr = { .request_size = (size_t)size, .reply_size = 100, .max_requests = (size_t)requests, .max_clients = 5 };
      ipc_service_t *service;
      char path[128];
      struct stat status;
      CHECK_EQUAL(ipc_service_open(&service, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
      snprintf(path, sizeof path, "/dev/shm%s", name);
      CHECK_EQUAL(stat(path, &status), 0);
      uint64_t data = 5056 + 64 * 5 + 2 * up(4 * requests, 64) + requests * (128 + 64 * IS_MUSL + up(size, 64) + up(100, 64));
      CHECK_EQUAL(status.st_size, up(data, (uint64_t)sysconf(_SC_PAGESIZE)) + 4096);
      CHECK_EQUAL(ipc_service_close(service), 0);
      CHECK_EQUAL(ipc_service_unlink(name), 0);
    }
}

int main(void) {
  name = unique_name("page");
  ipc_service_t *service, *second;
  ipc_client_t *client;
  ipc_request_t request, other;
  char bytes[9000];
  CLAIM("ipc_service_open(), ipc_client_open(): there is no such service.");
  CHECK_EQUAL(ipc_client_open(&client, name, 0), -ENOENT);
  CHECK_EQUAL(ipc_service_open(&service, name, NULL, 0, 0), -ENOENT);
  CLAIM("With attr NULL, a new service has the defaults, and an existing service may be any.");
  CHECK_EQUAL(ipc_service_open(&service, name, NULL, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_service_open(&second, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_service_close(second), 0);
  CLAIM("The name exists and flags has IPC_EXCLUSIVE.");
  CHECK_EQUAL(ipc_service_open(&second, name, NULL, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CLAIM("There is no request, no reply, or no room, and timeout_ns is 0.");
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &request, 0), -EAGAIN);
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &request, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_client_open(&client, name, 0), 0);
  CLAIM("ipc_client_call(): timeout_ns is 0, and nothing was sent.");
  CHECK_EQUAL(ipc_client_call(client, "x", 1, 0, bytes, sizeof bytes, 0), -EAGAIN);
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &request, 0), -EAGAIN);
  CLAIM("reads the service's sizes and flags into attr");
  ipc_service_attr_t found = { .flags = -1 };
  ipc_type_t types[2];
  CHECK_EQUAL(ipc_client_getattr(client, &found, &types[0], &types[1]), 0);
  CHECK(found.request_size == 8192 && found.reply_size == 8192 && found.max_requests == 64 && found.max_clients == 64);
  CHECK_EQUAL(found.flags, 0);
  CLAIM("a type that the service does not declare is NULL there");
  CHECK(found.request_type == NULL && found.reply_type == NULL);
  CHECK_EQUAL(ipc_client_getattr(client, NULL, NULL, NULL), -EINVAL);
  CHECK_EQUAL(ipc_client_getattr(NULL, &found, NULL, NULL), -EINVAL);
  CLAIM("takes the request with the highest priority; of several, the oldest");
  uint64_t ids[3];
  for (unsigned i = 0; i < 3; i++) CHECK_EQUAL(ipc_client_send(client, &"012"[i], 1, i == 1 ? 9 : 2, 0, &ids[i]), 0);
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &request, 0), 1);
  CHECK_EQUAL(bytes[0], '1');
  CLAIM("the client's choice, 0 to IPC_MQ_PRIORITY_MAX");
  CHECK_EQUAL(request.priority, 9);
  CHECK_EQUAL(ipc_client_send(client, "x", 1, IPC_MQ_PRIORITY_MAX + 1, 0, &ids[0]), -EINVAL);
  CLAIM("how many servers have died or closed with the request before");
  CHECK_EQUAL(request.redeliveries, 0);
  CLAIM("the client's process and its effective user and group");
  CHECK_EQUAL(request.pid, getpid());
  CHECK_EQUAL(request.uid, geteuid());
  CHECK_EQUAL(request.gid, getegid());
  CLAIM("A server may receive further requests first, and answer in any order, from any thread of its process.");
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &other, 0), 1);
  CHECK_EQUAL(bytes[0], '0');
  CHECK(other.id != request.id);
  CHECK_EQUAL(ipc_service_reply(service, &other, "zero", 4), 0);
  CHECK_EQUAL(ipc_service_reply(service, &request, "one", 3), 0);
  CLAIM("this handle has not received the request, or has answered it already");
  CHECK_EQUAL(ipc_service_reply(service, &request, "one", 3), -EINVAL);
  CLAIM("returns the replies to these requests, in the order of the answers, with the ids");
  uint64_t id;
  CHECK_EQUAL(ipc_client_receive(client, bytes, sizeof bytes, &id, 0), 4);
  CHECK_EQUAL(id, ids[0]);
  CHECK_EQUAL(ipc_client_receive(client, bytes, 1, &id, 0), -EMSGSIZE);
  CLAIM("it stays; call with a larger buffer");
  CHECK_EQUAL(ipc_client_receive(client, bytes, sizeof bytes, &id, 0), 3);
  CHECK_EQUAL(id, ids[1]);
  CLAIM("What it has received and not answered goes to the next server, as after a death.");
  CHECK_EQUAL(ipc_service_open(&second, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_service_receive(second, bytes, sizeof bytes, &request, 0), 1);
  CHECK_EQUAL(ipc_service_close(second), 0);
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &request, PATIENCE), 1);
  CHECK_EQUAL(request.redeliveries, 1);
  CLAIM("ipc_client_close() withdraws the requests of the handle and ends it.");
  CHECK_EQUAL(ipc_client_close(client), 0);
  CLAIM("If the client does not wait any more, the reply is discarded, and the call succeeds.");
  CHECK_EQUAL(ipc_service_reply(service, &request, "late", 4), 0);
  CLAIM("the reply reaches that client's call and no other");
  pid_t child = start(call, "answer");
  CHECK_EQUAL(ipc_service_receive(service, bytes, sizeof bytes, &request, PATIENCE), 8);
  CHECK_EQUAL(request.pid, child);
  CLAIM("when the client gives up, in nanoseconds on the monotonic clock; 0 if it sets no limit");
  CHECK(request.deadline_ns > now_ns() && request.deadline_ns <= now_ns() + PATIENCE);
  CHECK_EQUAL(ipc_service_reply(service, &request, "answer", 6), 0);
  FINISH(child);
  CLAIM("If no process serves when the call begins, it fails with -ENOENT at once");
  CHECK_EQUAL(ipc_client_open(&client, name, 0), 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
  CHECK_EQUAL(ipc_client_call(client, "x", 1, 0, bytes, sizeof bytes, PATIENCE), -ENOENT);
  CLAIM("With timeout_ns 0 nothing is sent: the call fails with -EAGAIN if a process serves, and with -ENOENT if none does.");
  CHECK_EQUAL(ipc_client_call(client, NULL, 0, 0, NULL, 0, 0), -ENOENT);
  killed_server();
  CHECK_EQUAL(ipc_client_call(client, NULL, 0, 0, NULL, 0, 0), -ENOENT);
  CLAIM("processes that have the service open keep it");
  CHECK_EQUAL(ipc_client_stale(client), 0);
  CHECK_EQUAL(ipc_service_unlink(name), 0);
  CHECK_EQUAL(ipc_client_stale(client), 1);
  CHECK_EQUAL(ipc_client_close(client), 0);
  CLAIM("The handle is closed.");
  CHECK_EQUAL(ipc_client_stale(client), -EBADF);
  copied();
  sizes();
  return 0;
}
