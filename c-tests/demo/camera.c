/* Frames of a camera, which every consumer sees and nobody copies.
 *
 *   camera NAME shoot COUNT          publishes COUNT frames once two consumers look, and waits until all have gone
 *   camera NAME look COUNT [STOP_AT] looks at each frame in place, until frame COUNT
 *   camera NAME remove               removes the topic
 *
 * With STOP_AT the consumer stops itself (SIGSTOP) with that frame in its hands, so that the demonstration can kill it at
 * exactly that point. The camera waits for consumers that live (IPC_TOPIC_WAIT), so they miss no frame.
 */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH = 640, HEIGHT = 480, FRAMES_KEPT = 8 };

typedef struct {
  uint64_t number;
  uint8_t pixels[WIDTH * HEIGHT];
} Frame;

static int fail(void) {
  fprintf(stderr, "camera: %s\n", ipc_last_error());
  return EXIT_FAILURE;
}

/* The pixels of each frame differ from those of the frame before. */
static uint8_t shade_of(uint64_t number) { return (uint8_t)(number * 37 + 11); }

static void rest(void) { nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL); }

static int shoot(const char *name, uint64_t count) {
  const ipc_topic_attr_t attr = { .sample_size = sizeof(Frame), .capacity = FRAMES_KEPT, .history = FRAMES_KEPT,
    .flags = IPC_TOPIC_WAIT };
  ipc_topic_t *topic;
  if (ipc_topic_open(&topic, name, &attr, IPC_CREATE | IPC_EXCLUSIVE | IPC_WRITE_ONLY, 0600) < 0) return fail();
  ipc_topic_stat_t stat;
  do {
    rest();
    if (ipc_topic_stat(topic, &stat) < 0) return fail();
  } while (stat.subscribers < 2);
  for (uint64_t number = 1; number <= count; number++) {
    void *place;
    if (ipc_topic_reserve(topic, &place, sizeof(Frame), INT64_C(10000000000)) < 0) return fail();
    Frame *frame = place;
    frame->number = number;
    memset(frame->pixels, shade_of(number), sizeof frame->pixels);
    if (ipc_topic_commit(topic, frame, sizeof *frame) < 0) return fail();
    rest();
  }
  do {
    rest();
    if (ipc_topic_stat(topic, &stat) < 0) return fail();
  } while (stat.subscribers != 0);
  /* Each slot is free, or holds one of the frames that the topic keeps. */
  size_t kept = stat.published < FRAMES_KEPT ? (size_t)stat.published : FRAMES_KEPT;
  size_t leaked = stat.slots - stat.free_slots - kept + stat.borrowed_samples + stat.reserved_samples;
  if (ipc_topic_close(topic) < 0 || ipc_topic_unlink(name) < 0) return fail();
  printf("frames published: %llu, leaked: %zu\n", (unsigned long long)stat.published, leaked);
  return leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int look(const char *name, uint64_t count, uint64_t stop_at) {
  ipc_topic_t *topic;
  if (ipc_topic_open(&topic, name, NULL, IPC_READ_ONLY, 0) < 0) return fail();
  uint64_t seen = 0, torn = 0, lost = 0, last = 0;
  while (last < count) {
    const void *place;
    ipc_sample_t info;
    if (ipc_topic_borrow(topic, &place, &info, INT64_C(10000000000)) < 0) return fail();
    const Frame *frame = place;
    if (frame->number == stop_at) raise(SIGSTOP);
    int is_whole = frame->number == info.number;
    for (size_t i = 0; i < sizeof frame->pixels; i++) is_whole &= frame->pixels[i] == shade_of(info.number);
    last = info.number;
    lost += info.missed;
    torn += !is_whole;
    seen++;
    if (ipc_topic_return(topic, place) < 0) return fail();
  }
  if (ipc_topic_close(topic) < 0) return fail();
  printf("frames seen: %llu, torn: %llu, lost: %llu\n", (unsigned long long)seen, (unsigned long long)torn,
    (unsigned long long)lost);
  return torn == 0 && lost == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char *argv[]) {
  uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  if (argc == 4 && strcmp(argv[2], "shoot") == 0) return shoot(argv[1], count);
  if (argc >= 4 && strcmp(argv[2], "look") == 0) return look(argv[1], count, argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
  if (argc == 3 && strcmp(argv[2], "remove") == 0) return ipc_topic_unlink(argv[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
  fprintf(stderr, "usage: camera NAME shoot COUNT | camera NAME look COUNT [STOP_AT] | camera NAME remove\n");
  return EXIT_FAILURE;
}
