/* Cells and services, compared with what a program would write by hand. The ratio is the library's time divided by the
 * counterpart's, so a value below 1 is faster. Every payload is written and read. */
#include "bench.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

enum { OPERATIONS = 200000, ROUND_TRIPS = 20000, SLEEPS = 300, SIZE = 64 };

typedef struct {
  uint64_t words[SIZE / 8];
} Payload;

static const ipc_type_t payload_type = IPC_TYPE(Payload, 1);

typedef struct {
  pthread_mutex_t mutex;
  char gap[64];
  Payload value;
  char gap_2[64];
  int ready;
} Shared;

static Shared *shared;
static ipc_cell_t *cell, *reader;
static uint64_t sum;

static void touch(Payload *payload, int i) {
  for (int word = 0; word < SIZE / 8; word++) payload->words[word] = (uint64_t)(i + word);
}

static void use(const Payload *payload) {
  for (int word = 0; word < SIZE / 8; word++) sum += payload->words[word];
}

static double our_read(void) {
  Payload value;
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    ipc_cell_read(reader, &value, NULL);
    use(&value);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

static double their_read(void) {
  Payload value;
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    pthread_mutex_lock(&shared->mutex);
    memcpy(&value, &shared->value, sizeof value);
    pthread_mutex_unlock(&shared->mutex);
    use(&value);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

static double our_write(void) {
  Payload value;
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    touch(&value, i);
    ipc_cell_write(cell, &value);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

static double their_write(void) {
  Payload value;
  double start = bench_now_ns();
  for (int i = 0; i < OPERATIONS; i++) {
    touch(&value, i);
    pthread_mutex_lock(&shared->mutex);
    memcpy(&shared->value, &value, sizeof value);
    pthread_mutex_unlock(&shared->mutex);
  }
  return (bench_now_ns() - start) / OPERATIONS;
}

/* The other process of a measurement. */
static pid_t peer(void (*body)(void), int processor) {
  __atomic_store_n(&shared->ready, 0, __ATOMIC_SEQ_CST);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bench_pin(processor);
    body();
    _exit(0);
  }
  while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) == 0) sched_yield();
  return child;
}

static void is_ready(void) { __atomic_store_n(&shared->ready, 1, __ATOMIC_SEQ_CST); }

static void end(pid_t child) {
  int status;
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, &status, 0) == child);
}

static char service_name[64], queue_names[2][64];
static int sockets[2];
static const ipc_service_attr_t service_attr = { .request_size = SIZE, .reply_size = SIZE, .max_requests = 16 };
static const ipc_mq_attr_t queue_attr = { .max_messages = 16, .message_size = SIZE };

static void serve(void) {
  ipc_service_t *service;
  REQUIRE(ipc_service_open(&service, service_name, &service_attr, 0, 0) >= 0);
  is_ready();
  Payload payload;
  ipc_request_t request;
  while (ipc_service_receive(service, &payload, sizeof payload, &request, IPC_FOREVER) >= 0) {
    use(&payload);
    touch(&payload, (int)sum);
    ipc_service_reply(service, &request, &payload, sizeof payload);
  }
}

static void echo_queue(void) {
  ipc_mq_t *in, *out;
  REQUIRE(ipc_mq_open(&in, queue_names[0], NULL, 0, 0) >= 0 && ipc_mq_open(&out, queue_names[1], NULL, 0, 0) >= 0);
  is_ready();
  Payload payload;
  while (ipc_mq_receive(in, &payload, sizeof payload, NULL, IPC_FOREVER) >= 0) {
    use(&payload);
    touch(&payload, (int)sum);
    ipc_mq_send(out, &payload, sizeof payload, 0, IPC_FOREVER);
  }
}

static void echo_socket(void) {
  is_ready();
  Payload payload;
  while (read(sockets[1], &payload, sizeof payload) == sizeof payload) {
    use(&payload);
    touch(&payload, (int)sum);
    REQUIRE(write(sockets[1], &payload, sizeof payload) == sizeof payload);
  }
}

static void exchange_call(void *client) {
  Payload payload;
  touch(&payload, (int)sum);
  REQUIRE(
    ipc_client_call(client, &payload, sizeof payload, 0, &payload, sizeof payload, IPC_FOREVER) == sizeof payload);
  use(&payload);
}

static ipc_mq_t *queues[2];

static void exchange_queue(void *unused) {
  (void)unused;
  Payload payload;
  touch(&payload, (int)sum);
  ipc_mq_send(queues[0], &payload, sizeof payload, 0, IPC_FOREVER);
  REQUIRE(ipc_mq_receive(queues[1], &payload, sizeof payload, NULL, IPC_FOREVER) == sizeof payload);
  use(&payload);
}

static void exchange_socket(void *unused) {
  (void)unused;
  Payload payload;
  touch(&payload, (int)sum);
  REQUIRE(write(sockets[0], &payload, sizeof payload) == sizeof payload);
  REQUIRE(read(sockets[0], &payload, sizeof payload) == sizeof payload);
  use(&payload);
}

/* The time of one exchange. `pause_ns` goes by before each, so that the other side sleeps. */
static double exchanges(void (*body)(void), int processor, void (*exchange)(void *), void *with, int count, int pause_ns) {
  pid_t child = peer(body, processor);
  for (int i = 0; i < count / 10; i++) exchange(with);
  double time = 0;
  for (int i = 0; i < count; i++) {
    for (double until = bench_now_ns() + pause_ns; pause_ns != 0 && bench_now_ns() < until;) continue;
    double start = bench_now_ns();
    exchange(with);
    time += bench_now_ns() - start;
  }
  end(child);
  return time / count;
}

static ipc_client_t *client;

static double our_call(void) { return exchanges(serve, 1, exchange_call, client, ROUND_TRIPS, 0); }
static double one_way(void) { return exchanges(echo_queue, 1, exchange_queue, NULL, ROUND_TRIPS, 0) / 2; }
static double our_call_asleep(void) { return exchanges(serve, 1, exchange_call, client, SLEEPS, 1000000); }
static double their_call_asleep(void) { return exchanges(echo_socket, 1, exchange_socket, NULL, SLEEPS, 1000000); }
static double our_call_together(void) { return exchanges(serve, 0, exchange_call, client, ROUND_TRIPS / 10, 0); }
static double their_call_together(void) { return exchanges(echo_socket, 0, exchange_socket, NULL, ROUND_TRIPS / 10, 0); }

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &attributes);
  bench_pin(0);
  char name[64];
  snprintf(name, sizeof name, "/ripc-bench-cell-%d", (int)getpid());
  REQUIRE(ipc_cell_open(&cell, name, &payload_type, IPC_CREATE, 0600) >= 0);
  REQUIRE(ipc_cell_open(&reader, name, &payload_type, IPC_READ_ONLY, 0) >= 0);
  ipc_cell_unlink(name);
  printf("cell of %d bytes, one process\n", SIZE);
  bench_row("write", "memcpy under a pthread mutex", our_write, their_write);
  bench_row("read", "memcpy under a pthread mutex", our_read, their_read);

  ipc_service_t *service;
  snprintf(service_name, sizeof service_name, "/ripc-bench-service-%d", (int)getpid());
  REQUIRE(ipc_service_open(&service, service_name, &service_attr, IPC_CREATE, 0600) >= 0);
  ipc_service_close(service);
  REQUIRE(ipc_client_open(&client, service_name, IPC_CLIENT_WAIT) == 0);
  for (int i = 0; i < 2; i++) {
    snprintf(queue_names[i], sizeof queue_names[i], "/ripc-bench-queue%d-%d", i, (int)getpid());
    REQUIRE(ipc_mq_open(&queues[i], queue_names[i], &queue_attr, IPC_CREATE, 0600) >= 0);
  }
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) == 0);
  printf("call of %d bytes with a reply of %d bytes, two processes\n", SIZE, SIZE);
  bench_row("both awake", "one message one way", our_call, one_way);
  bench_row("server asleep", "socket pair", our_call_asleep, their_call_asleep);
  bench_row("on one processor", "socket pair", our_call_together, their_call_together);
  ipc_service_unlink(service_name);
  for (int i = 0; i < 2; i++) ipc_mq_unlink(queue_names[i], 0);
  return sum == 1;
}
