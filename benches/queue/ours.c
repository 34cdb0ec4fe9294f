/* The library's message queue, used in three ways: one message per call, in place, and in batches. */
#include "peers.h"

#include "bench.h"

enum { BATCH = 32 };

typedef struct {
  char name[96];
  size_t size;
  ipc_mq_t *made, *queue;
  char *buffer;
  ipc_mq_message_t messages[BATCH];
  /* How many messages the batch has, and how many of them are used up. */
  size_t filled, used;
} Ours;

static Ours *ours_new(const bench_job_t *job, size_t messages, const char **why) {
  Ours *ours = calloc(1, sizeof *ours);
  REQUIRE(ours != NULL);
  ours->size = job->size;
  ours->buffer = aligned_alloc(64, messages * job->size);
  REQUIRE(ours->buffer != NULL);
  snprintf(ours->name, sizeof ours->name, "/%s", job->name);
  ipc_mq_attr_t attr = { .max_messages = job->depth, .message_size = job->size };
  int result = ipc_mq_open(&ours->made, ours->name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600);
  if (result == IPC_CREATED) return ours;
  *why = ipc_strerror(result);
  free(ours->buffer);
  free(ours);
  return NULL;
}

static void *ours_create(const bench_job_t *job, const char **why) { return ours_new(job, 1, why); }

/* Opens the queue by name, like a program that was not forked from the creator. */
static void ours_attach(void *queue, int ends) {
  Ours *ours = queue;
  (void)ends;
  REQUIRE(ipc_mq_open(&ours->queue, ours->name, NULL, 0, 0) == IPC_OPENED);
}

static void ours_send(void *queue, uint64_t value, unsigned priority) {
  Ours *ours = queue;
  bench_write_payload(ours->buffer, ours->size, value);
  REQUIRE(ipc_mq_send(ours->queue, ours->buffer, ours->size, priority, IPC_FOREVER) == 0);
}

static uint64_t ours_receive(void *queue) {
  Ours *ours = queue;
  unsigned priority;
  ssize_t length = ipc_mq_receive(ours->queue, ours->buffer, ours->size, &priority, IPC_FOREVER);
  REQUIRE(length == (ssize_t)ours->size);
  return bench_read_payload(ours->buffer, ours->size);
}

static void ours_detach(void *queue) {
  Ours *ours = queue;
  REQUIRE(ipc_mq_close(ours->queue) == 0);
}

static void ours_destroy(void *queue) {
  Ours *ours = queue;
  REQUIRE(ipc_mq_close(ours->made) == 0 && ipc_mq_unlink(ours->name, 0) == 0);
  free(ours->buffer);
  free(ours);
}

const bench_peer_t our_queue = {
  .name = "ipc_mq",
  .how = "ipc_mq_send, ipc_mq_receive, attributes as they are without asking",
  .abilities = BENCH_OURS | BENCH_MANY | BENCH_PRIORITIES | BENCH_FILE,
  .create = ours_create,
  .attach = ours_attach,
  .send = ours_send,
  .receive = ours_receive,
  .detach = ours_detach,
  .destroy = ours_destroy,
};


static void in_place_send(void *queue, uint64_t value, unsigned priority) {
  Ours *ours = queue;
  void *message;
  REQUIRE(ipc_mq_reserve(ours->queue, &message, IPC_FOREVER) == 0);
  bench_write_payload(message, ours->size, value);
  REQUIRE(ipc_mq_commit(ours->queue, message, ours->size, priority) == 0);
}

static uint64_t in_place_receive(void *queue) {
  Ours *ours = queue;
  const void *message;
  ssize_t length = ipc_mq_borrow(ours->queue, &message, NULL, NULL, IPC_FOREVER);
  REQUIRE(length == (ssize_t)ours->size);
  uint64_t value = bench_read_payload(message, ours->size);
  REQUIRE(ipc_mq_return(ours->queue, message) == 0);
  return value;
}

const bench_peer_t our_queue_in_place = {
  .name = "ipc_mq, in place",
  .how = "ipc_mq_reserve, ipc_mq_commit, ipc_mq_borrow, ipc_mq_return",
  .abilities = BENCH_OURS | BENCH_MANY | BENCH_PRIORITIES,
  .create = ours_create,
  .attach = ours_attach,
  .send = in_place_send,
  .receive = in_place_receive,
  .detach = ours_detach,
  .destroy = ours_destroy,
};

static void *batches_create(const bench_job_t *job, const char **why) {
  Ours *ours = ours_new(job, BATCH, why);
  for (size_t i = 0; ours && i < BATCH; i++) {
    ours->messages[i] = (ipc_mq_message_t) { .data = ours->buffer + i * job->size, .len = job->size };
  }
  return ours;
}

static void batches_flush(void *queue) {
  Ours *ours = queue;
  for (size_t sent = 0; sent < ours->filled;) {
    ssize_t more = ipc_mq_send_many(ours->queue, ours->messages + sent, ours->filled - sent, IPC_FOREVER);
    REQUIRE(more > 0);
    sent += (size_t)more;
  }
  ours->filled = 0;
}

static void batches_send(void *queue, uint64_t value, unsigned priority) {
  Ours *ours = queue;
  ipc_mq_message_t *message = &ours->messages[ours->filled++];
  bench_write_payload(message->data, ours->size, value);
  message->priority = priority;
  if (ours->filled == BATCH) batches_flush(ours);
}

static uint64_t batches_receive(void *queue) {
  Ours *ours = queue;
  if (ours->used == ours->filled) {
    for (size_t i = 0; i < ours->filled; i++) ours->messages[i].len = ours->size;
    ssize_t received = ipc_mq_receive_many(ours->queue, ours->messages, BATCH, IPC_FOREVER);
    REQUIRE(received > 0);
    ours->filled = (size_t)received;
    ours->used = 0;
  }
  ipc_mq_message_t *message = &ours->messages[ours->used++];
  REQUIRE(message->len == ours->size);
  return bench_read_payload(message->data, ours->size);
}

const bench_peer_t our_queue_in_batches = {
  .name = "ipc_mq, 32 a call",
  .how = "ipc_mq_send_many, ipc_mq_receive_many with up to 32",
  .abilities = BENCH_OURS | BENCH_BATCH,
  .create = batches_create,
  .attach = ours_attach,
  .send = batches_send,
  .receive = batches_receive,
  .flush = batches_flush,
  .detach = ours_detach,
  .destroy = ours_destroy,
};
