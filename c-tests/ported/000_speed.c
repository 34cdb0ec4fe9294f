/* Ports the comparison of speeds of document 000 ("IPC Performance Comparison"), as a program: the same
 * payload goes from one process to another by shared memory under two semaphores, a UNIX socket, a message queue, a
 * pipe, and TCP on the loopback interface, each byte written by the one and read by the other.
 *
 * By hand: ./000_speed [MEGABYTES]; 64 are enough for figures that mean something.
 */
#include <arpa/inet.h>
#include <robustipc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 8192, SLOTS = 8 };

typedef struct {
  ipc_sem_t filled, empty;
  unsigned char chunks[SLOTS][CHUNK];
} Ring;

/* One way: `out` and `in` are descriptors, or unused. */
typedef struct {
  const char *name;
  int in, out;
  Ring *ring;
  ipc_mq_t *queue;
} Way;

static void require(int fulfilled, const char *what) {
  if (fulfilled) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(1);
}

static void send_chunk(const Way *way, const unsigned char *chunk, size_t number) {
  if (way->ring != NULL) {
    require(ipc_sem_wait(&way->ring->empty, IPC_FOREVER) == 0, "wait");
    memcpy(way->ring->chunks[number % SLOTS], chunk, CHUNK);
    require(ipc_sem_post(&way->ring->filled) == 0, "post");
  } else if (way->queue != NULL) {
    require(ipc_mq_send(way->queue, chunk, CHUNK, 0, IPC_FOREVER) == 0, "send");
  } else {
    require(ipc_write_full(way->out, chunk, CHUNK, IPC_FOREVER) == CHUNK, "write");
  }
}

static void receive_chunk(const Way *way, unsigned char *chunk, size_t number) {
  if (way->ring != NULL) {
    require(ipc_sem_wait(&way->ring->filled, IPC_FOREVER) == 0, "wait");
    memcpy(chunk, way->ring->chunks[number % SLOTS], CHUNK);
    require(ipc_sem_post(&way->ring->empty) == 0, "post");
  } else if (way->queue != NULL) {
    require(ipc_mq_receive(way->queue, chunk, CHUNK, NULL, IPC_FOREVER) == CHUNK, "receive");
  } else {
    require(ipc_read_full(way->in, chunk, CHUNK, IPC_FOREVER) == CHUNK, "read");
  }
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void compare(const Way *way, size_t chunks) {
  unsigned char chunk[CHUNK];
  uint64_t sum = 0, expected = 0;
  double start = seconds();
  fflush(stdout);
  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    for (size_t i = 0; i < chunks; i++) {
      memset(chunk, (int)i, sizeof chunk);
      send_chunk(way, chunk, i);
    }
    _exit(0);
  }
  for (size_t i = 0; i < chunks; i++) {
    receive_chunk(way, chunk, i);
    for (size_t j = 0; j < sizeof chunk; j++) sum += chunk[j];
    expected += (uint64_t)CHUNK * (unsigned char)i;
  }
  int status;
  require(waitpid(child, &status, 0) == child && status == 0, "the sender");
  double rate = (double)chunks * CHUNK / (seconds() - start) / 1e6;
  if (sum != expected) {
    fprintf(stderr, "%s: other bytes came out than went in\n", way->name);
    exit(1);
  }
  printf("%-14s %8.0f MB/s\n", way->name, rate);
}

/* A TCP connection to ourselves. */
static void connect_loopback(int *in, int *out) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  *out = socket(AF_INET, SOCK_STREAM, 0);
  if (
    listener < 0 || *out < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
    listen(listener, 1) != 0 ||
    getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
    connect(*out, (struct sockaddr *)&address, length) != 0 ||
    (*in = accept(listener, NULL, NULL)) < 0) {
    perror("TCP loopback");
    exit(1);
  }
  close(listener);
}

int main(int argc, char **argv) {
  size_t chunks = (argc > 1 ? strtoul(argv[1], NULL, 10) : 4) * 1000000 / CHUNK;
  char name[64];
  snprintf(name, sizeof name, "/ripc-test-%d-speed", (int)getpid());

  ipc_shm_t *shm;
  require(ipc_shm_anonymous(&shm, sizeof(Ring)) == 0, "shared memory");
  Way memory = {.name = "Shared memory:", .ring = ipc_shm_data(shm)};
  require(ipc_sem_init(&memory.ring->filled, 0) == 0, "semaphore");
  require(ipc_sem_init(&memory.ring->empty, SLOTS) == 0, "semaphore");
  compare(&memory, chunks);

  Way stream = {.name = "UNIX socket:"};
  require(ipc_sock_pair(&stream.in, &stream.out, IPC_SOCK_STREAM, 0) == 0, "socket pair");
  compare(&stream, chunks);

  Way queue = {.name = "POSIX mq:"};
  ipc_mq_attr_t attr = {.max_messages = 4, .message_size = CHUNK};
  int flags = IPC_KERNEL | IPC_CREATE | IPC_EXCLUSIVE;
  require(ipc_mq_open(&queue.queue, name, &attr, flags, 0600) == IPC_CREATED, "message queue");
  require(ipc_mq_unlink(name, IPC_KERNEL) == 0, "unlink");
  compare(&queue, chunks);

  Way pipe = {.name = "Pipe:"};
  require(ipc_pipe(&pipe.in, &pipe.out, 0) == 0, "pipe");
  compare(&pipe, chunks);

  Way tcp = {.name = "TCP loopback:"};
  connect_loopback(&tcp.in, &tcp.out);
  compare(&tcp, chunks);

  require(ipc_mq_close(queue.queue) == 0 && ipc_shm_close(shm) == 0, "close");
  return 0;
}
