/* A thread waits on a set, and nobody makes a call. The death of a process makes an entry ready: that of a server with a
 * request, for the other servers and for the client of a service that delivers once; that of a receiver that holds a
 * message; that of a sender that holds room. The descriptors of the objects tell the same. */
#include "lanes.h"
#include "service.h"

static ipc_waitset_t *set;
static const char *name;
static pid_t holder;
static int tag;

static void kill_when_asleep(void *waiter) {
  /* The stop of the holder may reach its parent late, and restart the parent's call. */
  long number;
  do number = system_call_of(*(pid_t *)waiter);
  while (number != SYS_ppoll && number != SYS_restart_syscall);
  CHECK(kill(holder, SIGKILL) == 0);
}

/* Waits for the entry. The holder dies when this thread sleeps. */
static void await_death(int what) {
  ipc_ready_t ready;
  pid_t self = getpid();
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
  pid_t killer = start(kill_when_asleep, &self);
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, PATIENCE), 1);
  CHECK(ready.tag == &tag);
  CHECK_EQUAL(ready.what, what);
  FINISH(killer);
}

static void hold_requests(void *count) {
  ipc_service_t *service = serve(name, NULL);
  for (int i = 0; i < *(int *)count; i++) expect_request(service, "x", 0);
  stop_here();
}

static pid_t start_server(int count) {
  holder = start(hold_requests, &count);
  wait_until_stopped(holder);
  return holder;
}

/* The next server gets the requests of a dead one. */
static void redelivered(void) {
  ipc_service_t *service = serve(name, &service_attr);
  ipc_client_t *client = client_of(name, IPC_CLIENT_WAIT);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_REQUEST, service, &tag), 0);
  for (int round = 0; round < 3; round++) {
    uint64_t ids[2] = { send_text(client, "x", 0), send_text(client, "x", 0) };
    start_server(2);
    await_death(IPC_WAIT_REQUEST);
    for (int i = 0; i < 2; i++) {
      char buffer[SIZE];
      ipc_request_t request;
      CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, 0), 1);
      CHECK_EQUAL(request.redeliveries, 1);
      reply_with(service, &request, "y");
    }
    for (int i = 0; i < 2; i++) expect_later(client, ids[i], "y");
    KILL(holder);
  }
  CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);

  int descriptor = ipc_service_fd(service);
  uint64_t id = send_text(client, "x", 0);
  start_server(1);
  char buffer[SIZE];
  ipc_request_t request;
  do CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, 0), -EAGAIN);
  while (reported(descriptor) & POLLIN); /* a late wake-up may make it readable for nothing */
  KILL(holder);
  await_events(descriptor, POLLIN);
  CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, 0), 1);
  reply_with(service, &request, "y");
  expect_later(client, id, "y");
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
}

/* The client of a service that delivers once learns that its call has ended. */
static void lost(void) {
  ipc_service_t *service = serve(name, &once_attr);
  ipc_client_t *client = client_of(name, IPC_CLIENT_WAIT);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_REPLY, client, &tag), 0);
  char buffer[SIZE];
  uint64_t id, ended;
  for (int round = 0; round < 3; round++) {
    id = send_text(client, "x", 0);
    start_server(1);
    await_death(IPC_WAIT_REPLY);
    CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &ended, 0), -EOWNERDEAD);
    CHECK_EQUAL(ended, id);
    KILL(holder);
  }
  CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);

  int descriptor = ipc_client_fd(client);
  id = send_text(client, "x", 0);
  start_server(1);
  do CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &ended, 0), -EAGAIN);
  while (reported(descriptor) & POLLIN);
  KILL(holder);
  await_events(descriptor, POLLIN);
  CHECK_EQUAL(ipc_client_receive(client, buffer, SIZE, &ended, 0), -EOWNERDEAD);
  CHECK_EQUAL(ended, id);
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
}

static void hold_message(void *unused) {
  (void)unused;
  ipc_mq_t *mq;
  const void *message;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_borrow(mq, &message, NULL, NULL, PATIENCE), 1);
  stop_here();
}

static void hold_room(void *unused) {
  (void)unused;
  ipc_mq_t *mq;
  void *message;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_reserve(mq, &message, PATIENCE), 0);
  stop_here();
}

static void held_in_place(void) {
  ipc_mq_attr_t attr = { .max_messages = 1, .message_size = 16 };
  ipc_mq_t *mq;
  char byte;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  for (int round = 0; round < 3; round++) {
    CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
    holder = start(hold_message, NULL);
    wait_until_stopped(holder);
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, &tag), 0);
    await_death(IPC_WAIT_MESSAGE);
    CHECK_EQUAL(ipc_mq_receive(mq, &byte, 1, NULL, 0), 1);
    CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);
    KILL(holder);
    holder = start(hold_room, NULL);
    wait_until_stopped(holder);
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_ROOM, mq, &tag), 0);
    await_death(IPC_WAIT_ROOM);
    CHECK_EQUAL(ipc_waitset_remove(set, &tag), 0);
    KILL(holder);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

static void run(enum lane lane) {
  static const char *const names[LANES][3] = { { "a", "b", "c" }, { "d", "e", "f" }, { "g", "h", "i" } };
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  name = unique_name(names[lane][0]);
  redelivered();
  name = unique_name(names[lane][1]);
  lost();
  name = unique_name(names[lane][2]);
  held_in_place();
  CHECK_EQUAL(ipc_waitset_close(set), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  in_each_lane(run);
  return 0;
}
