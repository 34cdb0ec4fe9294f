/* Publishes a reading every 2 ms, as a sample for all and as the latest value, and a frame with every fourth one. If it is
 * killed, its successor goes on with the next number. */
#include "gateway.h"

int main(void) {
  ipc_topic_t *readings, *frames;
  ipc_cell_t *latest;
  check(ipc_topic_open(&readings, READINGS, &readings_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600));
  check(ipc_topic_open(&frames, FRAMES, &frames_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600));
  check(ipc_cell_open(&latest, LATEST, &reading_type, IPC_CREATE, 0600));

  Reading reading = { 0 };
  int result = ipc_cell_read(latest, &reading, NULL);
  if (result != -ENODATA) check(result);
  for (;;) {
    reading.number++;
    reading.celsius = 20 + (double)(reading.number % 100) / 10;
    reading.check = ~reading.number;
    check(ipc_cell_write(latest, &reading));
    check(ipc_topic_send(readings, &reading, sizeof reading, IPC_FOREVER));
    if (reading.number % 4 == 0) {
      void *place;
      check(ipc_topic_reserve(frames, &place, sizeof(Frame), IPC_FOREVER));
      Frame *frame = place;
      frame->number = reading.number;
      for (size_t i = 0; i < sizeof frame->pixels / sizeof frame->pixels[0]; i++) frame->pixels[i] = frame->number;
      check(ipc_topic_commit(frames, frame, sizeof *frame));
    }
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
  }
}
