/* The interface between the driver of the queue benchmark (queue.c) and the peers that it measures.
 *
 * A peer is a table of functions. Peers that need a package or a registry are shared objects of their own, which the
 * driver loads if they were built. Each of these exports
 *
 *     const bench_peer_t *bench_peer(size_t index);     NULL after the last one
 *
 * benches/peers/iceoryx2 has the same structs in Rust.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Properties of a peer. */
enum {
  /* A bound that no queue can beat. It is compared with nothing. */
  BENCH_LIMIT = 1,
  /* Its receiver never sleeps, and keeps a processor busy. */
  BENCH_POLLS = 2,
  /* Any number of senders and receivers. Each message goes to one receiver. */
  BENCH_MANY = 4,
  /* Messages have priorities. */
  BENCH_PRIORITIES = 8,
  /* Holds one message: only its latency is measured. */
  BENCH_ONE_MESSAGE = 16,
  /* The library's own queue. */
  BENCH_OURS = 32,
  /* Moves several messages per call: only its throughput is measured. */
  BENCH_BATCH = 64,
  /* create() makes all its shared memory, in files under /dev/shm whose names contain the job's name. */
  BENCH_FILE = 128
};

/* Which ends of the queue a process uses. */
enum { BENCH_SENDS = 1, BENCH_RECEIVES = 2 };

/* Writes every byte of a message. All peers move the payload with this code, in wide steps. With narrow steps and a
 * payload in the cache, the loop would be measured and not the queue. */
static inline void bench_write_payload(void *payload, size_t size, uint64_t value) {
  uint64_t *words = (uint64_t *)payload;
#pragma GCC unroll 4
  for (size_t i = 0; i < size / 8; i++) words[i] = value;
}

/* Reads every byte of a message, and ends the process if it is torn. */
static inline uint64_t bench_read_payload(const void *payload, size_t size) {
  enum { STEP = 8 };
  const uint64_t *words = (const uint64_t *)payload;
  uint64_t sums[STEP] = { 0 }, sum = 0;
  size_t i = 0;
  for (; i + STEP <= size / 8; i += STEP) {
    for (size_t j = 0; j < STEP; j++) sums[j] += words[i + j];
  }
  for (; i < size / 8; i++) sum += words[i];
  for (size_t j = 0; j < STEP; j++) sum += sums[j];
  if (sum != words[0] * (size / 8)) {
    fprintf(stderr, "a message of %zu bytes came torn\n", size);
    exit(1);
  }
  return words[0];
}

typedef struct {
  /* A name without a slash. No other queue has it. */
  const char *name;
  /* The size of every message in bytes: a multiple of 8, at least 64. */
  size_t size;
  /* The number of messages that fill the queue. Without meaning for streams. */
  size_t depth;
  /* The functions above, for peers in other languages. */
  void (*write_payload)(void *payload, size_t size, uint64_t value);
  uint64_t (*read_payload)(const void *payload, size_t size);
} bench_job_t;

/* A job with those functions. */
#define BENCH_JOB(...) { __VA_ARGS__, .write_payload = bench_write_payload, .read_payload = bench_read_payload }


typedef struct {
  const char *name;
  /* The peer's settings, for the output. */
  const char *how;
  int abilities;
  /* Makes a queue. Called before the processes that use the queue are forked. Returns NULL if it cannot, with a short
   * reason in *why. */
  void *(*create)(const bench_job_t *job, const char **why);
  /* Called in a process that uses the given ends. A receiver attaches before the senders do. */
  void (*attach)(void *queue, int ends);
  /* Sends a message of 64-bit words that all equal `value`. Waits while the queue is full. */
  void (*send)(void *queue, uint64_t value, unsigned priority);
  /* Waits for a message, reads all of it, and returns the word that it consists of. */
  uint64_t (*receive)(void *queue);
  /* NULL, or a function that sends the messages that send() has kept back. */
  void (*flush)(void *queue);
  void (*detach)(void *queue);
  /* Called in the process that called create(). */
  void (*destroy)(void *queue);
} bench_peer_t;

#define PEER_REQUIRE(condition) \
  do { \
    if (!(condition)) { \
      perror(__FILE__ ": " #condition); \
      exit(1); \
    } \
  } while (0)

#endif
