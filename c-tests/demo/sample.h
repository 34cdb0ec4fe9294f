/* The struct that producer and consumer share: the last few samples of the machine's load, under one mutex. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <robustipc.h>
#include <stdint.h>

enum { SAMPLE_SLOTS = 16 };

typedef struct {
  uint64_t number;     /* 1 for the first sample, without a gap from then on */
  double cpu_percent;  /* of all processors together, since the sample before */
  uint64_t memory_kib; /* available memory */
  uint64_t check;      /* number * 31 + memory_kib: written last, so a half-written sample has a wrong value here */
} Sample;

typedef struct {
  ipc_mutex_t mutex;   /* guards all that follows */
  ipc_cond_t changed;  /* signalled when `published` goes up */
  uint64_t published;  /* the number of the newest whole sample; sample n is in slot n % SAMPLE_SLOTS */
  uint64_t recoveries; /* how often a producer's half-written sample was discarded */
  Sample slots[SAMPLE_SLOTS];
} Load;

static const ipc_type_t load_type =
  IPC_TYPE_FIELDS(Load, 1, mutex, changed, published, recoveries, slots);

static inline uint64_t sample_check(const Sample *sample) {
  return sample->number * 31 + sample->memory_kib;
}

/* For ipc_shm_open_typed_init: the memory is zeroed, and nobody else sees it yet. */
static inline int load_init(void *data, void *context) {
  Load *load = data;
  (void)context;
  int result = ipc_mutex_init(&load->mutex, NULL);
  return result < 0 ? result : ipc_cond_init(&load->changed);
}

/* After IPC_OWNER_DIED: discards a sample that was begun and not published. */
static inline int load_repair(Load *load) {
  load->slots[(load->published + 1) % SAMPLE_SLOTS] = (Sample){0};
  load->recoveries++;
  return ipc_mutex_consistent(&load->mutex);
}

#endif
