/* Camera frames for several readers. A frame is written and read in place; a reader that is killed with a frame in its hands
 * holds up nobody. */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  uint32_t number;
  unsigned char pixels[640 * 480];
} Frame;

enum { FRAMES = 30 };
static const ipc_type_t frame_type = IPC_TYPE_FIELDS(Frame, 1, number, pixels);

static void check(long result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static int watch(int number) {
  ipc_topic_t *topic;
  check(ipc_topic_open(&topic, "/example-frames", NULL, IPC_READ_ONLY, 0));
  unsigned seen = 0, missed = 0;
  for (;;) {
    const void *data;
    ipc_sample_t info;
    check(ipc_topic_borrow(topic, &data, &info, IPC_FOREVER));
    const Frame *frame = data;
    int is_last = frame->number == FRAMES;
    if (frame->pixels[0] != frame->pixels[sizeof frame->pixels - 1]) return 1; /* torn: this never happens */
    check(ipc_topic_return(topic, data));
    seen++;
    missed += (unsigned)info.missed;
    if (is_last) break;
  }
  printf("reader %d: %s frames\n", number, seen + missed >= FRAMES ? "all" : "some");
  check(ipc_topic_close(topic));
  return 0;
}

int main(void) {
  ipc_topic_attr_t attr = { .type = &frame_type, .capacity = 4, .history = 4 };
  ipc_topic_t *topic;
  check(ipc_topic_open(&topic, "/example-frames", &attr, IPC_CREATE | IPC_WRITE_ONLY, 0600));
  pid_t readers[2];
  for (int i = 0; i < 2; i++) {
    readers[i] = fork();
    if (readers[i] == 0) {
      int result = watch(i);
      fflush(stdout);
      _exit(result);
    }
  }
  for (uint32_t number = 1; number <= FRAMES; number++) {
    void *room;
    check(ipc_topic_reserve(topic, &room, sizeof(Frame), IPC_FOREVER));
    Frame *frame = room;
    frame->number = number;
    memset(frame->pixels, (int)number, sizeof frame->pixels);
    check(ipc_topic_commit(topic, room, sizeof(Frame)));
  }
  int failed = 0;
  for (int i = 0; i < 2; i++) {
    int status;
    waitpid(readers[i], &status, 0);
    failed |= status;
  }
  check(ipc_topic_close(topic));
  check(ipc_topic_unlink("/example-frames"));
  return failed != 0;
}
