/* Services. A request that was sent is answered, whichever server dies with it; each reply belongs to its request; and the
 * slots and places of the dead are free again. */
#include "victim.h"

#include <sched.h>

enum { SIZE = 64, SLOTS = 8 };
/* While the victim has not received the sleeping client's request: how long a survivor waits before it serves. */
enum { UNRECEIVED_NS = 20 * 1000 * 1000 };

static const ipc_service_attr_t attr = { .request_size = SIZE, .reply_size = SIZE, .max_requests = SLOTS, .max_clients = 8 };
static const ipc_service_attr_t once_attr = { .request_size = SIZE, .reply_size = SIZE, .max_requests = SLOTS, .max_clients = 8,
  .flags = IPC_SERVICE_ONCE };
static ipc_service_t *service;
static ipc_client_t *client;
static ipc_request_t request;
static char buffer[SIZE];
static uint64_t first_id; /* survivor 0's, from set_up */
static long result;

static const char *service_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-service", arena->name);
  return name;
}

static void close_both(void) {
  if (service != NULL) EXPECT_EQUAL(ipc_service_close(service), 0);
  if (client != NULL) EXPECT_EQUAL(ipc_client_close(client), 0);
  service = NULL;
  client = NULL;
}

static void open_both(void) {
  if (service != NULL && ipc_service_stale(service) == 0) return;
  close_both();
  EXPECT(ipc_service_open(&service, service_name(), NULL, 0, 0) >= 0, "cannot serve: %s", ipc_last_error());
  EXPECT(ipc_client_open(&client, service_name(), IPC_CLIENT_WAIT) >= 0, "cannot call: %s", ipc_last_error());
}

static void set_up_with(const ipc_service_attr_t *wanted) {
  ipc_service_unlink(service_name());
  close_both();
  EXPECT_EQUAL(ipc_service_open(&service, service_name(), wanted, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  EXPECT_EQUAL(ipc_client_open(&client, service_name(), IPC_CLIENT_WAIT), 0);
}

static void set_up(void) { set_up_with(&attr); }
static void set_up_once(void) { set_up_with(&once_attr); }

static void set_up_sent(void) {
  set_up();
  EXPECT_EQUAL(ipc_client_send(client, "first", 6, 9, 0, &first_id), 0);
}

static void receive_one(void) {
  EXPECT_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, arena->patience_ns), 6);
}

static void prepare(void) { open_both(); }

static void prepare_taken(void) {
  open_both();
  receive_one();
}

static void prepare_sent(void) {
  uint64_t id;
  open_both();
  EXPECT_EQUAL(ipc_client_send(client, "victim", 7, 0, 0, &id), 0);
}

static void prepare_answered(void) {
  prepare_sent();
  EXPECT_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, 0), 7);
  EXPECT_EQUAL(ipc_service_reply(service, &request, buffer, 7), 0);
}

static void run_receive(void) { result = ipc_service_receive(service, buffer, SIZE, &request, IPC_FOREVER); }
static void run_reply(void) { result = ipc_service_reply(service, &request, buffer, 6); }

static void run_send(void) {
  uint64_t id;
  result = ipc_client_send(client, "victim", 7, 0, IPC_FOREVER, &id);
}

static void run_call(void) { result = ipc_client_call(client, "victim", 7, 0, buffer, SIZE, IPC_FOREVER); }

static void run_take_reply(void) {
  uint64_t id;
  result = ipc_client_receive(client, buffer, SIZE, &id, IPC_FOREVER);
}

static void run_close_server(void) {
  result = ipc_service_close(service);
  service = NULL;
}

static void run_close_client(void) {
  result = ipc_client_close(client);
  client = NULL;
}

static void after(void) { EXPECT(result >= 0, "the victim's call failed: %s", ipc_strerror((int)result)); }

static void after_receive(void) {
  after();
  EXPECT_EQUAL(ipc_service_reply(service, &request, buffer, 6), 0);
}

/* Answers one request, if there is one. */
static void serve_one(int64_t timeout_ns) {
  char text[SIZE];
  ipc_request_t found;
  ssize_t length = ipc_service_receive(service, text, SIZE, &found, timeout_ns);
  if (length == -EAGAIN || length == -ETIMEDOUT) return;
  EXPECT(length >= 0, "a survivor cannot serve: %s", ipc_last_error());
  EXPECT_EQUAL(ipc_service_reply(service, &found, text, (size_t)length), 0);
}

static void release_request(int time) {
  (void)time;
  EXPECT_EQUAL(ipc_client_send(client, "first", 6, 9, 0, &first_id), 0);
}

static void release_server(int time) {
  (void)time;
  serve_one(arena->patience_ns);
}

/* Survivors 0 and 1 side by side call and serve, until each has its own replies. */
static void check(void) {
  open_both();
  for (int i = 0; i < 3; i++) {
    char text[SIZE] = "", reply[SIZE] = "";
    uint64_t id, found = 0;
    snprintf(text, sizeof text, "%d of %d", i, (int)getpid());
    EXPECT_EQUAL(ipc_client_send(client, text, SIZE, 0, arena->patience_ns, &id), 0);
    for (int64_t end = now_ns() + arena->patience_ns; found != id;) {
      EXPECT(now_ns() < end, "a request is not answered");
      serve_one(1000000);
      ssize_t length = ipc_client_receive(client, reply, SIZE, &found, 1000000);
      if (length == -ETIMEDOUT) continue;
      EXPECT(length >= 0, "a survivor gets no reply: %s", ipc_last_error());
      if (found == first_id && first_id != 0) {
        EXPECT(strcmp(reply, "first") == 0, "another call's reply");
        first_id = 0;
      }
    }
    EXPECT(strcmp(text, reply) == 0, "another call's reply: \"%s\" for \"%s\", id %llx", reply, text, (unsigned long long)id);
  }
}

/* ---- a client that sleeps in its call ---- */

enum { RETURNED, RECEIVED }; /* the notes: the client's call has returned, the victim has received its request */

static void call_asleep(void) {
  open_both();
  char reply[SIZE] = "";
  ssize_t length = ipc_client_call(client, "first", 6, 9, reply, SIZE, arena->patience_ns);
  if (length != -EOWNERDEAD) EXPECT(length == 6 && strcmp(reply, "first") == 0, "the sleeping client's call: %zd", length);
  arena->notes[RETURNED] = 1;
}

static void run_serve(void) {
  result = ipc_service_receive(service, buffer, SIZE, &request, arena->patience_ns);
  arena->notes[RECEIVED] = 1;
  if (result >= 0) result = ipc_service_reply(service, &request, buffer, (size_t)result);
}

/* No call of a survivor helps the client, once the victim has its request: the kernel wakes it. */
static void check_call(void) {
  int64_t wait = arena->notes[RECEIVED] ? arena->patience_ns : UNRECEIVED_NS;
  for (int64_t end = now_ns() + wait; !arena->notes[RETURNED] && now_ns() < end;) sched_yield();
  EXPECT(arena->notes[RETURNED] || !arena->notes[RECEIVED], "a client sleeps on after its server's death");
  open_both();
  for (int64_t end = now_ns() + arena->patience_ns; !arena->notes[RETURNED];) {
    EXPECT(now_ns() < end, "the client's request is not answered");
    serve_one(1000000);
  }
  check();
}

static void settle(int progress) {
  /* The request of set_up is answered in the end. */
  for (int64_t end = now_ns() + arena->patience_ns; first_id != 0;) {
    EXPECT(now_ns() < end, "the first request is not answered (progress %d)", progress);
    char reply[SIZE];
    uint64_t found;
    serve_one(1000000);
    if (ipc_client_receive(client, reply, SIZE, &found, 1000000) == -ETIMEDOUT) continue;
    if (found == first_id) first_id = 0;
  }
  while (progress == LEFT_ALIVE) {
    /* A request of the living victim may still wait. */
    ipc_service_stat_t stat;
    EXPECT_EQUAL(ipc_service_stat(service, &stat), 0);
    if (stat.pending == 0) break;
    serve_one(0);
  }
  ipc_service_stat_t stat;
  EXPECT_EQUAL(ipc_service_stat(service, &stat), 0);
  EXPECT_EQUAL(stat.pending, 0);
  if (progress != LEFT_ALIVE) {
    EXPECT_EQUAL(stat.taken, 0);
    /* Every slot can be used. */
    uint64_t ids[SLOTS];
    for (int i = 0; i < SLOTS; i++) EXPECT_EQUAL(ipc_client_send(client, "x", 1, 0, 0, &ids[i]), 0);
  }
  close_both();
  EXPECT_EQUAL(ipc_service_unlink(service_name()), 0);
  nothing_is_left();
}

#define PLAIN .check = check, .settle = settle
const struct operation service_operations[] = {
  {.name = "service.receive", .set_up = set_up_sent, .prepare = prepare, .run = run_receive, .after = after_receive, PLAIN,
   .recovery = "service.receive"},
  {.name = "service.receive.sleeping", .set_up = set_up, .prepare = prepare, .run = run_receive, .after = after_receive,
   .release = release_request, PLAIN},
  {.name = "service.reply", .set_up = set_up_sent, .prepare = prepare_taken, .run = run_reply, .after = after, PLAIN,
   .recovery = "service.receive"},
  {.name = "service.close", .set_up = set_up_sent, .prepare = prepare_taken, .run = run_close_server, .after = after, PLAIN},
  {.name = "service.serve.sleeping", .set_up = set_up_once, .prepare = prepare, .run = run_serve, .after = after,
   .sleep = call_asleep, .sleepers = 1, .sleep_from = AT_BEGIN, .check = check_call, .settle = settle},
  {.name = "client.send", .set_up = set_up, .prepare = prepare, .run = run_send, .after = after, PLAIN,
   .recovery = "client.send"},
  {.name = "client.call", .set_up = set_up, .prepare = prepare, .run = run_call, .after = after, .release = release_server,
   PLAIN},
  {.name = "client.receive", .set_up = set_up, .prepare = prepare_answered, .run = run_take_reply, .after = after, PLAIN},
  {.name = "client.close", .set_up = set_up, .prepare = prepare_sent, .run = run_close_client, .after = after, PLAIN},
  {0},
};
