/* Looks at each frame in place, and writes a line for it:  logger FILE */
#include "gateway.h"

int main(int argc, char *argv[]) {
  FILE *log = fopen(argc > 1 ? argv[1] : "/dev/null", "a");
  if (log == NULL) {
    perror("logger");
    return 1;
  }
  setvbuf(log, NULL, _IOLBF, 0);
  ipc_topic_t *frames;
  check(ipc_topic_open(&frames, FRAMES, NULL, IPC_READ_ONLY, 0));
  for (;;) {
    const void *place;
    ipc_sample_t info;
    check((int)ipc_topic_borrow(frames, &place, &info, IPC_FOREVER));
    const Frame *frame = place;
    if (!frame_is_whole(frame)) return TORN;
    fprintf(log, "sample %llu is frame %llu of process %u\n", (unsigned long long)info.number,
      (unsigned long long)frame->number, (unsigned)info.publisher);
    check(ipc_topic_return(frames, place));
  }
}
