/* ZeroMQ over ipc://: PUSH to PULL, the pattern for distributing work, with each message to one receiver. Messages are
 * made with zmq_msg_init_size and written in place, as its manual recommends, so that the sender does not copy a large
 * one. The high-water marks equal the number of messages that the other queues hold. There is one I/O thread, the
 * default, which runs on its process's processor. The endpoint has an abstract name, which leaves no file. */
#include "peer.h"

#include <string.h>
#include <zmq.h>

typedef struct {
  char address[128];
  size_t size;
  int depth;
  void *push, *pull;
} Zeromq;

/* Each process has one context, whatever the number of its sockets. */
static void *context;

static void *create(const bench_job_t *job, const char **why) {
  Zeromq *zeromq = calloc(1, sizeof *zeromq);
  (void)why;
  PEER_REQUIRE(zeromq != NULL);
  zeromq->size = job->size;
  zeromq->depth = (int)job->depth;
  snprintf(zeromq->address, sizeof zeromq->address, "ipc://@%s", job->name);
  return zeromq;
}

static void attach(void *queue, int ends) {
  Zeromq *zeromq = queue;
  int no_wait = 0;
  if (!context) context = zmq_ctx_new();
  PEER_REQUIRE(context != NULL);
  if (ends & BENCH_RECEIVES) {
    zeromq->pull = zmq_socket(context, ZMQ_PULL);
    PEER_REQUIRE(zeromq->pull != NULL);
    zmq_setsockopt(zeromq->pull, ZMQ_RCVHWM, &zeromq->depth, sizeof zeromq->depth);
    PEER_REQUIRE(zmq_bind(zeromq->pull, zeromq->address) == 0);
  }
  if (ends & BENCH_SENDS) {
    zeromq->push = zmq_socket(context, ZMQ_PUSH);
    PEER_REQUIRE(zeromq->push != NULL);
    zmq_setsockopt(zeromq->push, ZMQ_SNDHWM, &zeromq->depth, sizeof zeromq->depth);
    zmq_setsockopt(zeromq->push, ZMQ_LINGER, &no_wait, sizeof no_wait);
    PEER_REQUIRE(zmq_connect(zeromq->push, zeromq->address) == 0);
  }
}

static void send_one(void *queue, uint64_t value, unsigned priority) {
  Zeromq *zeromq = queue;
  zmq_msg_t message;
  (void)priority;
  PEER_REQUIRE(zmq_msg_init_size(&message, zeromq->size) == 0);
  bench_write_payload(zmq_msg_data(&message), zeromq->size, value);
  PEER_REQUIRE(zmq_msg_send(&message, zeromq->push, 0) == (int)zeromq->size);
}

static uint64_t receive_one(void *queue) {
  Zeromq *zeromq = queue;
  zmq_msg_t message;
  PEER_REQUIRE(zmq_msg_init(&message) == 0);
  PEER_REQUIRE(zmq_msg_recv(&message, zeromq->pull, 0) == (int)zeromq->size);
  uint64_t value = bench_read_payload(zmq_msg_data(&message), zeromq->size);
  zmq_msg_close(&message);
  return value;
}

static void detach(void *queue) {
  Zeromq *zeromq = queue;
  if (zeromq->push) zmq_close(zeromq->push);
  if (zeromq->pull) zmq_close(zeromq->pull);
}

static void destroy(void *queue) { free(queue); }

static const bench_peer_t zeromq_ipc = {
  .name = "ZeroMQ ipc://",
  .how = "PUSH to PULL, zmq_msg_init_size, one I/O thread in each process, on its processor",
  .abilities = 0,
  .create = create,
  .attach = attach,
  .send = send_one,
  .receive = receive_one,
  .detach = detach,
  .destroy = destroy,
};

const bench_peer_t *bench_peer(size_t index);
const bench_peer_t *bench_peer(size_t index) { return index == 0 ? &zeromq_ipc : NULL; }
