/* The peers that every system has. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "peer.h"

/* limits.c */
extern const bench_peer_t cache_line, plain_ring;
/* ours.c */
extern const bench_peer_t our_queue, our_queue_in_place, our_queue_in_batches;
/* kernel.c */
extern const bench_peer_t kernel_queue, kernel_pipe, stream_socket, packet_socket;

#endif
