/* libqb's ring buffer between two processes: QB_RB_FLAG_SHARED_PROCESS with its semaphore, on which the reader sleeps.
 * Messages are written and read in place, as its header recommends (qb_rb_chunk_alloc and commit, peek and reclaim). A
 * writer cannot wait for room. It tries again, as the header's example does, and yields the processor between two
 * attempts. There is one writer and one reader. */
#include "peer.h"

#include <errno.h>
#include <qb/qbrb.h>
#include <sched.h>
#include <string.h>

typedef struct {
  char name[96];
  size_t size, ring_size;
  qb_ringbuffer_t *made, *ring;
} Libqb;

static void *create(const bench_job_t *job, const char **why) {
  Libqb *libqb = calloc(1, sizeof *libqb);
  PEER_REQUIRE(libqb != NULL);
  libqb->size = job->size;
  snprintf(libqb->name, sizeof libqb->name, "%s", job->name);
  /* Each chunk has a header of two words, and the ring keeps some space unused. */
  libqb->ring_size = job->depth * (job->size + 16) + 64;
  libqb->made =
    qb_rb_open(libqb->name, libqb->ring_size, QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS, 0);
  if (libqb->made) return libqb;
  *why = "refused by qb_rb_open()";
  free(libqb);
  return NULL;
}

static void attach(void *queue, int ends) {
  Libqb *libqb = queue;
  (void)ends;
  libqb->ring = qb_rb_open(libqb->name, libqb->ring_size, QB_RB_FLAG_SHARED_PROCESS, 0);
  PEER_REQUIRE(libqb->ring != NULL);
}

static void send_one(void *queue, uint64_t value, unsigned priority) {
  Libqb *libqb = queue;
  void *chunk;
  (void)priority;
  while ((chunk = qb_rb_chunk_alloc(libqb->ring, libqb->size)) == NULL) {
    PEER_REQUIRE(errno == EAGAIN);
    sched_yield();
  }
  bench_write_payload(chunk, libqb->size, value);
  PEER_REQUIRE(qb_rb_chunk_commit(libqb->ring, libqb->size) >= 0);
}

static uint64_t receive_one(void *queue) {
  Libqb *libqb = queue;
  void *chunk;
  /* -1 means without limit. */
  ssize_t length = qb_rb_chunk_peek(libqb->ring, &chunk, -1);
  PEER_REQUIRE(length == (ssize_t)libqb->size);
  uint64_t value = bench_read_payload(chunk, libqb->size);
  qb_rb_chunk_reclaim(libqb->ring);
  return value;
}

static void detach(void *queue) {
  Libqb *libqb = queue;
  qb_rb_close(libqb->ring);
}

static void destroy(void *queue) {
  Libqb *libqb = queue;
  qb_rb_close(libqb->made);
  free(libqb);
}

static const bench_peer_t libqb_ring = {
  .name = "libqb ring buffer",
  .how = "QB_RB_FLAG_SHARED_PROCESS, in place; the receiver sleeps, a sender that finds it full yields and tries again",
  .abilities = BENCH_FILE,
  .create = create,
  .attach = attach,
  .send = send_one,
  .receive = receive_one,
  .detach = detach,
  .destroy = destroy,
};

const bench_peer_t *bench_peer(size_t index);
const bench_peer_t *bench_peer(size_t index) { return index == 0 ? &libqb_ring : NULL; }
