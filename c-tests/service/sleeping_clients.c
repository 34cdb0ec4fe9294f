/* A client that waits in ipc_client_call() does not wake while nothing happens. It wakes for the reply, for the death of the
 * server that has its request, which it passes on to the other servers, and for a signal handler. 1 and 10 clients are
 * counted by their context switches. The window is 1.5 seconds; ROBUSTIPC_IDLE_SECONDS makes it longer. */
#include "service.h"

#include <poll.h>
#include <pthread.h>
#include <sys/utsname.h>

enum { MOST = 10 };

static const ipc_service_attr_t attr = { .request_size = SIZE, .reply_size = SIZE, .max_requests = 16, .max_clients = 16,
  .flags = IPC_SERVICE_ONCE };

static const char *name;

/* Kernels before Linux 6.2 do not report every death: there a sleeper wakes once a second. */
static int reports_every_death(void) {
  struct utsname system;
  CHECK(uname(&system) == 0);
  int major = 0, minor = 0;
  CHECK(sscanf(system.release, "%d.%d", &major, &minor) == 2);
  return major > 6 || (major == 6 && minor >= 2);
}

static void count_wake_ups(const pid_t *clients, int count) {
  const char *wanted = getenv("ROBUSTIPC_IDLE_SECONDS");
  int64_t window = wanted != NULL ? atoi(wanted) * SECOND : 1500 * MILLISECOND;
  long before[MOST], allowed = reports_every_death() ? 0 : (long)(window / SECOND) + 1;
  for (int i = 0; i < count; i++) wait_until_on_futex(clients[i]);
  for (int attempt = 1, noisy = 0; noisy >= 0; attempt++) {
    for (int i = 0; i < count; i++) before[i] = voluntary_switches(clients[i]);
    /* pace: the test is that nothing happens in this time. */
    struct timespec pause = { window / SECOND, window % SECOND };
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    noisy = -1;
    for (int i = 0; i < count; i++) {
      long woken = voluntary_switches(clients[i]) - before[i];
      if (woken <= allowed) continue;
      /* A client may have slept for another one's latch, before its own wait. A timer would wake it each time. */
      if (attempt == 3) test_failed(__FILE__, __LINE__, "client %d of %d woke %ld times", i, count, woken);
      noisy = i;
    }
  }
}

static void server(void *count) {
  ipc_service_t *service = serve(name, &attr);
  for (int i = 0; i < *(int *)count; i++) expect_request(service, "work", 0);
  stop_here();
}

static void caller(void *expected) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char buffer[SIZE];
  ssize_t length = ipc_client_call(client_of(name, IPC_CLIENT_WAIT), "work", 4, 0, buffer, SIZE, IPC_FOREVER);
  CHECK_EQUAL(length, *(int *)expected);
}

static void start_callers(pid_t *clients, int count, int *expected) {
  for (int i = 0; i < count; i++) clients[i] = start(caller, expected);
}

static void server_dies(int count) {
  pid_t clients[MOST];
  int lost = -EOWNERDEAD;
  /* Nobody serves while the first clients fall asleep. */
  start_callers(clients, count, &lost);
  for (int i = 0; i < count; i++) wait_until_on_futex(clients[i]);
  count_wake_ups(clients, count);
  pid_t serving = start_stopped(server, &count);
  count_wake_ups(clients, count);
  KILL(serving);
  for (int i = 0; i < count; i++) FINISH(clients[i]);
}

static void server_that_stops(void *unused) {
  (void)unused;
  expect_request(serve(name, &service_attr), "work", 0);
  stop_here();
}

static void redelivered_caller(void *unused) {
  (void)unused;
  expect_reply(client_of(name, IPC_CLIENT_WAIT), "work", "done");
}

/* The sleeping client passes the death on to a server that polls. */
static void poller_learns(void) {
  const char *once = name;
  name = unique_name("again");
  ipc_service_t *service = serve(name, &service_attr);
  int fd = ipc_service_fd(service);
  for (int round = 0; round < 5; round++) {
    ipc_request_t request;
    char buffer[SIZE];
    pid_t serving = start(server_that_stops, NULL), client = start(redelivered_caller, NULL);
    wait_until_stopped(serving);
    CHECK_EQUAL(ipc_service_receive(service, buffer, SIZE, &request, 0), -EAGAIN);
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    wait_until_on_futex(client);
    KILL(serving);
    CHECK_EQUAL(poll(&entry, 1, 100000), 1);
    request = expect_request(service, "work", 1);
    reply_with(service, &request, "done");
    FINISH(client);
  }
  CHECK_EQUAL(ipc_service_close(service), 0);
  name = once;
}

static void ignore(int signal) { (void)signal; }

static void interrupted_caller(void *flags) {
  struct sigaction action = { .sa_handler = ignore, .sa_flags = *(int *)flags };
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  int expected = -EINTR;
  caller(&expected);
}

/* A handler ends the wait for a server, and that for the reply. */
static void signal_arrives(void) {
  int one = 1;
  for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
    pid_t client = start_asleep(interrupted_caller, &flags);
    CHECK_EQUAL(interrupt_until_ended(client, SIGUSR1), 0);
    client = start_asleep(interrupted_caller, &flags);
    pid_t serving = start_stopped(server, &one);
    wait_until_on_futex(client);
    CHECK_EQUAL(interrupt_until_ended(client, SIGUSR1), 0);
    KILL(serving);
  }
}

/* ---- the threads of a server ---- */

static ipc_service_t *shared;
static ipc_request_t requests[2];

static void *receive_one(void *place) {
  requests[*(int *)place] = expect_request(shared, "work", 0);
  return NULL;
}

/* The thread that received a request has ended when another one replies. */
static void receiver_ends(void) {
  int zero = 0, done = 4;
  shared = serve(name, &attr);
  for (int round = 0; round < 20; round++) {
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, receive_one, &zero), 0);
    pid_t client = start(caller, &done);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    if (round % 2) wait_until_on_futex(client);
    reply_with(shared, &requests[0], "done");
    FINISH(client);
  }
  CHECK_EQUAL(ipc_service_close(shared), 0);
}

static void *reply_to_both(void *closes) {
  for (int i = 0; i < 2; i++) reply_with(shared, &requests[i], "done");
  if (*(int *)closes) CHECK_EQUAL(ipc_service_close(shared), 0);
  return NULL;
}

/* One thread receives, and another replies. In the last round the other one closes the handle too. */
static void other_thread_replies(void) {
  int done = 4;
  pthread_mutexattr_t robust;
  pthread_mutexattr_init(&robust);
  pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t mutex;
  CHECK_EQUAL(pthread_mutex_init(&mutex, &robust), 0);
  shared = serve(name, &attr);
  for (int round = 0; round < 20; round++) {
    int closes = round == 19;
    pid_t clients[2];
    for (int i = 0; i < 2; i++) clients[i] = start(caller, &done);
    for (int i = 0; i < 2; i++) receive_one(&i);
    if (round % 2)
      for (int i = 0; i < 2; i++) wait_until_on_futex(clients[i]);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, reply_to_both, &closes), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 2; i++) FINISH(clients[i]);
    /* libc's lists and the library's are whole. */
    CHECK_EQUAL(pthread_mutex_lock(&mutex), 0);
    CHECK_EQUAL(pthread_mutex_unlock(&mutex), 0);
  }
}

/* The kernel has reported the end of the thread that received a request before that of the process. */
static void server_whose_thread_ended(void *unused) {
  (void)unused;
  int zero = 0;
  pthread_t thread;
  shared = serve(name, &attr);
  CHECK_EQUAL(pthread_create(&thread, NULL, receive_one, &zero), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  expect_request(shared, "work", 0);
  stop_here();
}

static void thread_ends_before_process(void) {
  int lost = -EOWNERDEAD;
  pid_t serving = start(server_whose_thread_ended, NULL), clients[2];
  start_callers(clients, 2, &lost);
  wait_until_stopped(serving);
  for (int i = 0; i < 2; i++) wait_until_on_futex(clients[i]);
  KILL(serving);
  for (int i = 0; i < 2; i++) FINISH(clients[i]);
}

/* A handle is closed with requests that were not answered. */
static void server_closes(void) {
  int three = 3, lost = -EOWNERDEAD;
  pid_t clients[3];
  start_callers(clients, three, &lost);
  for (int i = 0; i < three; i++) wait_until_on_futex(clients[i]);
  ipc_service_t *service = serve(name, &attr);
  for (int i = 0; i < three; i++) expect_request(service, "work", 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
  for (int i = 0; i < three; i++) FINISH(clients[i]);
}

int main(void) {
  SKIP_UNDER_VALGRIND("its threads switch by its own rules");
  SKIP_UNDER_SANITIZERS("their threads wake for reasons of their own");
  name = unique_name("service");
  ipc_service_t *service = serve(name, &attr);
  CHECK_EQUAL(ipc_service_close(service), 0);
  server_dies(1);
  server_dies(MOST);
  poller_learns();
  signal_arrives();
  receiver_ends();
  other_thread_replies();
  server_closes();
  thread_ends_before_process();
  return 0;
}
