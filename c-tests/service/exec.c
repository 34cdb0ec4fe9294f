/* A server that executes another program gives its requests back, and its place; a client that does so leaves nothing. Both
 * processes live on. */
#include "service.h"
#include <fcntl.h>

static const char *name;

/* Its end of the pipe closes when it executes the program. */
static pid_t execute(void (*use)(void)) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    use();
    execlp("sleep", "sleep", "1000", (char *)NULL);
    _exit(1);
  }
  close(ends[1]);
  char byte;
  CHECK_EQUAL(read(ends[0], &byte, 1), 0);
  close(ends[0]);
  return child;
}

static void take_one(void) { expect_request(serve(name, &service_attr), "work", 0); }

static void send_all(void) {
  ipc_client_t *client = client_of(name, IPC_CLIENT_WAIT);
  for (int i = 0; i < 8; i++) send_text(client, "left", 0);
}

static void caller(void *unused) {
  (void)unused;
  expect_reply(client_of(name, IPC_CLIENT_WAIT), "work", "done");
}

int main(void) {
  name = unique_name("service");
  ipc_service_t *service = serve(name, &service_attr);
  ipc_client_t *own = client_of(name, 0);
  for (int round = 0; round < 3; round++) {
    /* The next server has to wait for the request of the one that executes a program. */
    ipc_client_t *waiting = client_of(name, IPC_CLIENT_WAIT);
    uint64_t id = send_text(waiting, "work", 0);
    pid_t server = execute(take_one);
    ipc_request_t request = expect_request(service, "work", 1);
    reply_with(service, &request, "done");
    expect_later(waiting, id, "done");
    CHECK_EQUAL(kill(server, 0), 0);
    CHECK_EQUAL(counts_of(service).servers, 1);
    KILL(server);
    CHECK_EQUAL(ipc_client_close(waiting), 0);

    /* The same for a client that sleeps in its call. */
    pid_t client = start(caller, NULL);
    server = execute(take_one);
    request = expect_request(service, "work", 1);
    reply_with(service, &request, "done");
    FINISH(client);
    KILL(server);

    pid_t sender = execute(send_all);
    for (int64_t end = now_ns() + PATIENCE; counts_of(service).clients != 1;) CHECK(now_ns() < end);
    CHECK_EQUAL(kill(sender, 0), 0);
    check_at_rest(service, own);
    KILL(sender);
  }
  return 0;
}
