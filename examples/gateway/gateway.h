/* Shared by the daemons of the gateway: names, types, and how to tell that a value is whole. */
#include <errno.h>
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define READINGS "/example-gateway-readings" /* a topic: every reading */
#define FRAMES "/example-gateway-frames"     /* a topic: every frame */
#define LATEST "/example-gateway-latest"     /* a cell: the latest reading */
#define ORDERS "/example-gateway-orders"     /* a service: a new limit */

typedef struct {
  uint64_t number;
  double celsius;
  uint64_t check; /* ~number in a whole reading */
} Reading;

typedef struct {
  uint64_t number;
  uint64_t pixels[8191]; /* each is the number in a whole frame */
} Frame;

typedef struct {
  uint64_t number;
  double limit;
} Order; /* the answer is the same order */

static const ipc_type_t reading_type = IPC_TYPE_FIELDS(Reading, 1, number, celsius, check);
static const ipc_type_t frame_type = IPC_TYPE_FIELDS(Frame, 1, number, pixels);
static const ipc_type_t order_type = IPC_TYPE_FIELDS(Order, 1, number, limit);

/* The publisher waits for subscribers that live, so these miss nothing. It waits for no dead one. */
static const ipc_topic_attr_t readings_attr = { .type = &reading_type, .capacity = 64, .flags = IPC_TOPIC_WAIT };
static const ipc_topic_attr_t frames_attr = { .type = &frame_type, .capacity = 8, .flags = IPC_TOPIC_WAIT };
static const ipc_service_attr_t orders_attr = { .request_type = &order_type, .reply_type = &order_type };

enum { TORN = 3 }; /* a daemon's exit status */

static inline int check(int result) {
  if (result >= 0) return result;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static inline int reading_is_whole(const Reading *reading) { return reading->check == ~reading->number; }

static inline int frame_is_whole(const Frame *frame) {
  for (size_t i = 0; i < sizeof frame->pixels / sizeof frame->pixels[0]; i++)
    if (frame->pixels[i] != frame->number) return 0;
  return 1;
}
