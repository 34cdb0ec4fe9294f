/* Servers and clients are killed again and again, at any moment. Each call that a living client has made ends, every reply
 * belongs to its request, and in the end nothing is left. STORM_KILLS sets the number of kills. */
#include "service.h"

static const char *name;
static struct { uint64_t calls; } *shared;

static void server(void *unused) {
  (void)unused;
  ipc_service_t *service = serve(name, &service_attr);
  for (;;) {
    char buffer[SIZE];
    ipc_request_t request;
    ssize_t length = ipc_service_receive(service, buffer, SIZE, &request, IPC_FOREVER);
    CHECK(length == 8);
    CHECK_EQUAL(ipc_service_reply(service, &request, buffer, 8), 0);
  }
}

static void caller(void *unused) {
  (void)unused;
  ipc_client_t *client = client_of(name, IPC_CLIENT_WAIT);
  for (uint64_t i = (uint64_t)getpid() << 32;; i++) {
    uint64_t reply = 0;
    CHECK_EQUAL(ipc_client_call(client, &i, sizeof i, (unsigned)i % 3, &reply, sizeof reply, PATIENCE), sizeof reply);
    CHECK(reply == i);
    __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
  }
}

int main(void) {
  const char *wanted = getenv("STORM_KILLS");
  int count = wanted != NULL ? atoi(wanted) : 300;
  name = unique_name("service");
  shared = shared_memory(sizeof *shared);
  ipc_service_t *service = serve(name, &service_attr);
  CHECK_EQUAL(ipc_service_close(service), 0);
  pid_t processes[6];
  for (int i = 0; i < 6; i++) processes[i] = start(i < 3 ? server : caller, NULL);
  for (int kills = 0; kills < count; kills++) {
    /* The next kill comes after some more calls: everybody who lives has got on. */
    uint64_t calls = __atomic_load_n(&shared->calls, __ATOMIC_RELAXED) + 20 + (unsigned)kills * 37 % 100;
    for (int64_t end = now_ns() + PATIENCE; __atomic_load_n(&shared->calls, __ATOMIC_RELAXED) < calls; sched_yield())
      CHECK(now_ns() < end);
    int victim = kills * 7 % 6;
    KILL(processes[victim]);
    processes[victim] = start(victim < 3 ? server : caller, NULL);
  }
  for (int i = 3; i < 6; i++) KILL(processes[i]);
  for (int i = 0; i < 3; i++) KILL(processes[i]);
  service = serve(name, &service_attr);
  ipc_service_stat_t stat = counts_of(service);
  CHECK_EQUAL(stat.servers, 1);
  CHECK_EQUAL(stat.clients, 0);
  check_at_rest(service, client_of(name, 0));
  return 0;
}
