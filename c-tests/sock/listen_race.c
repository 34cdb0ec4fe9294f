/* Of several servers that find a dead socket at once, exactly one succeeds, and its clients reach it. A slower server
 * removes nobody's living socket. */
#include "sock.h"

enum { STARTERS = 4, ROUNDS = 100 };

typedef struct {
  _Atomic int ready, go, decided, winners, finish;
} Shared;

static const char *path;
static Shared *shared;

static void starter(void *unused) {
  (void)unused;
  for (int round = 1; round <= ROUNDS; round++) {
    shared->ready++;
    while (shared->go < round) sched_yield();
    int listener = ipc_sock_listen(path, IPC_SOCK_STREAM, 0, 0600);
    CHECK(listener >= 0 || listener == -EADDRINUSE);
    if (listener >= 0) shared->winners++;
    shared->decided++;
    while (shared->finish < round) sched_yield();
    /* The file stays, as a dead socket for the next round. */
    if (listener >= 0) close(listener);
  }
}

int main(void) {
  path = unique_path("sock");
  shared = shared_memory(sizeof *shared);
  leave_dead_socket(path);
  pid_t children[STARTERS];
  for (int i = 0; i < STARTERS; i++) children[i] = start(starter, NULL);
  for (int round = 1; round <= ROUNDS; round++) {
    int64_t limit = now_ns() + PATIENCE;
    while (shared->ready < round * STARTERS) CHECK(now_ns() < limit && sched_yield() == 0);
    shared->go = round;
    while (shared->decided < round * STARTERS) CHECK(now_ns() < limit && sched_yield() == 0);
    CHECK_EQUAL(shared->winners, round);
    int client = ipc_sock_connect(path, IPC_SOCK_STREAM, 0, 0);
    CHECK(client >= 0);
    close(client);
    shared->finish = round;
  }
  for (int i = 0; i < STARTERS; i++) FINISH(children[i]);
  return 0;
}
