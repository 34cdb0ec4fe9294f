/* The library's memory of a descriptor's number never decides a result. The number may belong to a pipe, a socket and
 * a file by turns: each is written and read in its own way, and each gives -EPIPE without SIGPIPE. */
#include "streams.h"

enum { NUMBER = 63, WRITES = 600 };

static void exchange(int reader) {
  for (int i = 0; i < WRITES; i++) {
    char sent[8] = "", got[8] = "";
    snprintf(sent, sizeof sent, "%d", i);
    CHECK_EQUAL(ipc_write_full(NUMBER, sent, sizeof sent, i % 3 ? IPC_FOREVER : PATIENCE), sizeof sent);
    CHECK_EQUAL(ipc_read_full(reader, got, sizeof got, i % 2 ? IPC_FOREVER : PATIENCE), sizeof got);
    CHECK(memcmp(sent, got, sizeof got) == 0);
  }
}

static void exchange_and_break(int ends[2]) {
  CHECK_EQUAL(dup2(ends[1], NUMBER), NUMBER);
  close(ends[1]);
  exchange(ends[0]);
  close(ends[0]);
  for (int i = 0; i < WRITES; i++)
    CHECK_EQUAL(ipc_write_full(NUMBER, "x", 1, i % 2 ? IPC_FOREVER : PATIENCE), -EPIPE);
}

int main(void) {
  char path[96];
  snprintf(path, sizeof path, "%s", test_path("file"));
  for (int turn = 0; turn < 3; turn++) {
    int ends[2];
    CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
    exchange_and_break(ends);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    exchange_and_break(ends);
    ends[1] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ends[0] = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(ends[0] >= 0 && ends[1] >= 0);
    CHECK_EQUAL(dup2(ends[1], NUMBER), NUMBER);
    exchange(ends[0]);
    close(ends[0]);
    close(ends[1]);
    close(NUMBER);
    CHECK_EQUAL(ipc_write_full(NUMBER, "x", 1, IPC_FOREVER), -EBADF);
  }
  /* Descriptor numbers that share an entry of the memory. */
  int pair[2], stream[2];
  CHECK_EQUAL(ipc_pipe(&pair[0], &pair[1], 0), 0);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
  CHECK_EQUAL(dup2(pair[1], NUMBER), NUMBER);
  CHECK_EQUAL(dup2(stream[1], NUMBER + 64), NUMBER + 64);
  for (int i = 0; i < WRITES; i++) {
    char byte = 0;
    CHECK_EQUAL(ipc_write_full(NUMBER, "p", 1, IPC_FOREVER), 1);
    CHECK_EQUAL(ipc_write_full(NUMBER + 64, "s", 1, IPC_FOREVER), 1);
    CHECK_EQUAL(ipc_read_full(pair[0], &byte, 1, IPC_FOREVER), 1);
    CHECK_EQUAL(byte, 'p');
    CHECK_EQUAL(ipc_read_full(stream[0], &byte, 1, IPC_FOREVER), 1);
    CHECK_EQUAL(byte, 's');
  }
  return 0;
}
