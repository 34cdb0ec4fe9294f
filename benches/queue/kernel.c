/* The kernel's own mechanisms as peers: its message queue, a pipe, and UNIX sockets. All of them block. */
#include "peers.h"

#include "bench.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>

typedef struct {
  size_t size;
  int ends[2]; /* to receive from, to send to */
  mqd_t queue;
  char name[96];
  void *buffer;
} Kernel;

static Kernel *kernel_new(const bench_job_t *job) {
  Kernel *kernel = calloc(1, sizeof *kernel);
  REQUIRE(kernel != NULL);
  kernel->size = job->size;
  kernel->buffer = aligned_alloc(64, job->size);
  REQUIRE(kernel->buffer != NULL);
  return kernel;
}

static void kernel_free(Kernel *kernel) {
  free(kernel->buffer);
  free(kernel);
}

static void attach_nothing(void *queue, int ends) { (void)queue, (void)ends; }
static void nothing(void *queue) { (void)queue; }

static void *mq_create(const bench_job_t *job, const char **why) {
  Kernel *kernel = kernel_new(job);
  snprintf(kernel->name, sizeof kernel->name, "/%s", job->name);
  struct mq_attr attr = { .mq_maxmsg = (long)job->depth, .mq_msgsize = (long)job->size };
  kernel->queue = mq_open(kernel->name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
  if (kernel->queue != (mqd_t)-1) return kernel;
  *why = errno == EINVAL ? "over fs.mqueue.msg_max or msgsize_max" : "over RLIMIT_MSGQUEUE";
  kernel_free(kernel);
  return NULL;
}

static void mq_send_one(void *queue, uint64_t value, unsigned priority) {
  Kernel *kernel = queue;
  bench_write_payload(kernel->buffer, kernel->size, value);
  REQUIRE(mq_send(kernel->queue, kernel->buffer, kernel->size, priority) == 0);
}

static uint64_t mq_receive_one(void *queue) {
  Kernel *kernel = queue;
  unsigned priority;
  REQUIRE(mq_receive(kernel->queue, kernel->buffer, kernel->size, &priority) == (ssize_t)kernel->size);
  return bench_read_payload(kernel->buffer, kernel->size);
}

static void mq_destroy(void *queue) {
  Kernel *kernel = queue;
  mq_close(kernel->queue);
  mq_unlink(kernel->name);
  kernel_free(kernel);
}

const bench_peer_t kernel_queue = {
  .name = "kernel mq",
  .how = "mq_send, mq_receive; as many messages as fs.mqueue.msg_max and RLIMIT_MSGQUEUE permit",
  .abilities = BENCH_MANY | BENCH_PRIORITIES,
  .create = mq_create,
  .attach = attach_nothing,
  .send = mq_send_one,
  .receive = mq_receive_one,
  .detach = nothing,
  .destroy = mq_destroy,
};

/* A stream has no message boundaries, so both sides know the length. */
static void write_all(const Kernel *kernel) {
  for (size_t done = 0; done < kernel->size;) {
    ssize_t length = write(kernel->ends[1], (char *)kernel->buffer + done, kernel->size - done);
    REQUIRE(length > 0);
    done += (size_t)length;
  }
}

static void stream_send(void *queue, uint64_t value, unsigned priority) {
  Kernel *kernel = queue;
  (void)priority;
  bench_write_payload(kernel->buffer, kernel->size, value);
  write_all(kernel);
}

static uint64_t stream_receive(void *queue) {
  Kernel *kernel = queue;
  for (size_t done = 0; done < kernel->size;) {
    ssize_t length = read(kernel->ends[0], (char *)kernel->buffer + done, kernel->size - done);
    REQUIRE(length > 0);
    done += (size_t)length;
  }
  return bench_read_payload(kernel->buffer, kernel->size);
}

static void ends_destroy(void *queue) {
  Kernel *kernel = queue;
  close(kernel->ends[0]);
  close(kernel->ends[1]);
  kernel_free(kernel);
}

/* The largest buffer that an ordinary user may have: fs.pipe-max-size is 1 MiB. */
static void *pipe_create(const bench_job_t *job, const char **why) {
  (void)why;
  Kernel *kernel = kernel_new(job);
  REQUIRE(pipe2(kernel->ends, O_CLOEXEC) == 0);
  fcntl(kernel->ends[1], F_SETPIPE_SZ, 1 << 20);
  return kernel;
}

const bench_peer_t kernel_pipe = {
  .name = "pipe",
  .how = "write, read; F_SETPIPE_SZ 1 MiB",
  .abilities = 0,
  .create = pipe_create,
  .attach = attach_nothing,
  .send = stream_send,
  .receive = stream_receive,
  .detach = nothing,
  .destroy = ends_destroy,
};

/* The buffer as large as net.core.wmem_max permits, up to twice the largest message. */
static void *socket_create(const bench_job_t *job, int kind) {
  Kernel *kernel = kernel_new(job);
  REQUIRE(socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, kernel->ends) == 0);
  int size = 2 << 20;
  REQUIRE(setsockopt(kernel->ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  return kernel;
}

static void *stream_create(const bench_job_t *job, const char **why) {
  (void)why;
  return socket_create(job, SOCK_STREAM);
}

const bench_peer_t stream_socket = {
  .name = "UNIX stream socket",
  .how = "write, read; SO_SNDBUF 2 MiB or net.core.wmem_max",
  .abilities = 0,
  .create = stream_create,
  .attach = attach_nothing,
  .send = stream_send,
  .receive = stream_receive,
  .detach = nothing,
  .destroy = ends_destroy,
};

static void *packet_create(const bench_job_t *job, const char **why) {
  Kernel *kernel = socket_create(job, SOCK_SEQPACKET);
  memset(kernel->buffer, 0, kernel->size);
  ssize_t length = send(kernel->ends[1], kernel->buffer, kernel->size, MSG_DONTWAIT);
  if (length < 0) {
    *why = errno == EMSGSIZE ? "longer than net.core.wmem_max permits" : "refused by send()";
    ends_destroy(kernel);
    return NULL;
  }
  REQUIRE(recv(kernel->ends[0], kernel->buffer, kernel->size, 0) == length);
  return kernel;
}

static void packet_send(void *queue, uint64_t value, unsigned priority) {
  Kernel *kernel = queue;
  (void)priority;
  bench_write_payload(kernel->buffer, kernel->size, value);
  REQUIRE(send(kernel->ends[1], kernel->buffer, kernel->size, MSG_NOSIGNAL) == (ssize_t)kernel->size);
}

static uint64_t packet_receive(void *queue) {
  Kernel *kernel = queue;
  REQUIRE(recv(kernel->ends[0], kernel->buffer, kernel->size, 0) == (ssize_t)kernel->size);
  return bench_read_payload(kernel->buffer, kernel->size);
}

const bench_peer_t packet_socket = {
  .name = "UNIX packet socket",
  .how = "SOCK_SEQPACKET, send, recv; SO_SNDBUF 2 MiB or net.core.wmem_max",
  .abilities = BENCH_MANY,
  .create = packet_create,
  .attach = attach_nothing,
  .send = packet_send,
  .receive = packet_receive,
  .detach = nothing,
  .destroy = ends_destroy,
};
