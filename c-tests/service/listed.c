/* A service is an object like the others: it is listed with its type of object, its mode and its requests, has the size of the
 * formula in ipc_service(3), is removed as what it is, and stays for those who have it. */
#include "service.h"
#include <sys/stat.h>

static const char *name;

static uint64_t lines(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

/* The data's size by the formula. */
static uint64_t size_of(const ipc_service_attr_t *attr) {
  return 5056 + 64 * attr->max_clients + 2 * lines(4 * attr->max_requests) +
         attr->max_requests * (128 + 64 * IS_MUSL + lines(attr->request_size) + lines(attr->reply_size));
}

static int listed(int kinds, uint64_t waiting) {
  ipc_list_t *list;
  ipc_object_t object;
  int count = 0;
  CHECK_EQUAL(ipc_list(&list, kinds), 0);
  while (ipc_list_next(list, &object) == 1) {
    if (strcmp(object.name, name) != 0) continue;
    count++;
    CHECK_EQUAL(object.kind, IPC_KIND_SERVICE);
    CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
    CHECK_EQUAL(object.mode, 0640);
    CHECK_EQUAL(object.owner, geteuid());
    CHECK_EQUAL(object.users, 1);
    CHECK_EQUAL(object.count, waiting);
    CHECK_EQUAL(object.capacity, 8);
    CHECK_EQUAL(object.size, size_of(&service_attr));
  }
  CHECK_EQUAL(ipc_list_close(list), 0);
  return count;
}

static void check_formula(void) {
  static const size_t sizes[] = { 1, 63, 64, 65, 1000 };
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    ipc_service_attr_t attr = { .request_size = sizes[i], .reply_size = sizes[(i + 2) % 5], .max_requests = 3 * i + 1,
      .max_clients = 2 * i + 1 };
    CHECK_EQUAL(ipc_service_close(serve(name, &attr)), 0);
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "/dev/shm%s", name);
    CHECK(stat(path, &status) == 0);
    CHECK_EQUAL(status.st_size, (size_of(&attr) + page - 1) / page * page + 4096);
    CHECK_EQUAL(ipc_service_unlink(name), 0);
  }
}

int main(void) {
  name = unique_name("service");
  check_formula();
  ipc_service_t *service, *newer;
  CHECK_EQUAL(ipc_service_open(&service, name, &service_attr, IPC_CREATE | IPC_EXCLUSIVE, 0640), IPC_CREATED);
  CHECK_EQUAL(ipc_service_open(&newer, name, &service_attr, IPC_CREATE | IPC_EXCLUSIVE, 0640), -EEXIST);
  ipc_client_t *client = client_of(name, 0);
  CHECK_EQUAL(listed(IPC_KIND_SERVICE, 0), 1);
  send_text(client, "one", 0);
  send_text(client, "two", 0);
  CHECK_EQUAL(listed(IPC_KIND_ALL, 2), 1);
  CHECK_EQUAL(listed(IPC_KIND_ALL & ~IPC_KIND_SERVICE, 2), 0);

  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, name, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_topic_unlink(name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_service_stale(service), 0);
  CHECK_EQUAL(ipc_client_stale(client), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SERVICE, name, 0), 0);
  CHECK_EQUAL(ipc_service_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_client_open(&client, name, 0), -ENOENT);

  /* The old service works on, beside a new one of its name. */
  newer = serve(name, &service_attr);
  CHECK_EQUAL(ipc_service_stale(newer), 0);
  CHECK_EQUAL(ipc_service_stale(service), 1);
  CHECK_EQUAL(ipc_client_stale(client), 1);
  ipc_request_t request = expect_request(service, "one", 0);
  reply_with(service, &request, "done");
  CHECK_EQUAL(counts_of(newer).pending, 0);
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
  CHECK_EQUAL(ipc_service_close(newer), 0);
  CHECK_EQUAL(ipc_service_unlink(name), 0);
  return 0;
}
