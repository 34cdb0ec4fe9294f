/* Bounds that no queue can beat: one cache line that goes to and fro, and the minimum work of a ring between one sender
 * and one receiver. Both spin, and neither survives a death. */
#include "peers.h"

#include "bench.h"

#include <stdatomic.h>

#if defined(__x86_64__) || defined(__i386__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() ((void)0)
#endif

/* One line: 56 bytes of payload and the number of the message. If the number is even, the line is empty. */
typedef struct {
  _Alignas(64) uint64_t words[7];
  _Atomic uint64_t count;
} Line;

static void *line_create(const bench_job_t *job, const char **why) {
  if (job->size > sizeof(Line)) {
    *why = "one line is 64 B";
    return NULL;
  }
  return bench_shared(sizeof(Line));
}

static void nothing(void *queue) { (void)queue; }
static void attach_nothing(void *queue, int ends) { (void)queue, (void)ends; }

static void line_send(void *queue, uint64_t value, unsigned priority) {
  Line *line = queue;
  (void)priority;
  uint64_t count = atomic_load_explicit(&line->count, memory_order_relaxed);
  while (count % 2) {
    RELAX();
    count = atomic_load_explicit(&line->count, memory_order_acquire);
  }
  bench_write_payload(line->words, sizeof line->words, value);
  atomic_store_explicit(&line->count, count + 1, memory_order_release);
}

static uint64_t line_receive(void *queue) {
  Line *line = queue;
  uint64_t count;
  while ((count = atomic_load_explicit(&line->count, memory_order_acquire)) % 2 == 0) RELAX();
  uint64_t value = bench_read_payload(line->words, sizeof line->words);
  atomic_store_explicit(&line->count, count + 1, memory_order_release);
  return value;
}

static void line_destroy(void *queue) { munmap(queue, sizeof(Line)); }

const bench_peer_t cache_line = {
  .name = "one cache line",
  .how = "the limit: both sides spin on one line",
  .abilities = BENCH_LIMIT | BENCH_POLLS | BENCH_ONE_MESSAGE,
  .create = line_create,
  .attach = attach_nothing,
  .send = line_send,
  .receive = line_receive,
  .detach = nothing,
  .destroy = line_destroy,
};

/* Lamport's ring. Each side has a copy of the other's counter, which it reads again only when it must. Payloads are
 * written and read in place. The ring uses all of its memory in turn, so for messages that fill the caches it is no
 * bound: a queue that reuses the slot freed last finds that slot in the cache. */
typedef struct {
  _Alignas(64) _Atomic uint64_t sent;
  uint64_t received_seen;
  _Alignas(64) _Atomic uint64_t received;
  uint64_t sent_seen;
  _Alignas(64) size_t size, depth, total;
  _Alignas(64) char slots[];
} Ring;

static void *ring_create(const bench_job_t *job, const char **why) {
  (void)why;
  size_t total = sizeof(Ring) + job->depth * job->size;
  Ring *ring = bench_shared(total);
  ring->size = job->size;
  ring->depth = job->depth;
  ring->total = total;
  return ring;
}

static void ring_send(void *queue, uint64_t value, unsigned priority) {
  Ring *ring = queue;
  (void)priority;
  uint64_t sent = atomic_load_explicit(&ring->sent, memory_order_relaxed);
  while (sent - ring->received_seen == ring->depth) {
    ring->received_seen = atomic_load_explicit(&ring->received, memory_order_acquire);
    if (sent - ring->received_seen == ring->depth) RELAX();
  }
  /* The depth is a power of two. */
  bench_write_payload(ring->slots + (sent & (ring->depth - 1)) * ring->size, ring->size, value);
  atomic_store_explicit(&ring->sent, sent + 1, memory_order_release);
}

static uint64_t ring_receive(void *queue) {
  Ring *ring = queue;
  uint64_t received = atomic_load_explicit(&ring->received, memory_order_relaxed);
  while (ring->sent_seen == received) {
    ring->sent_seen = atomic_load_explicit(&ring->sent, memory_order_acquire);
    if (ring->sent_seen == received) RELAX();
  }
  uint64_t value = bench_read_payload(ring->slots + (received & (ring->depth - 1)) * ring->size, ring->size);
  atomic_store_explicit(&ring->received, received + 1, memory_order_release);
  return value;
}

static void ring_destroy(void *queue) {
  Ring *ring = queue;
  munmap(ring, ring->total);
}

const bench_peer_t plain_ring = {
  .name = "hand-written ring",
  .how = "the limit for small messages: one sender, one receiver, both spin, payload in place",
  .abilities = BENCH_LIMIT | BENCH_POLLS,
  .create = ring_create,
  .attach = attach_nothing,
  .send = ring_send,
  .receive = ring_receive,
  .detach = nothing,
  .destroy = ring_destroy,
};
