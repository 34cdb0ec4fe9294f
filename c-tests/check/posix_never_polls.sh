#!/bin/sh
# In a program that imports poll(), poll() reports a message. If the user says that the program polls no queue, the twin
# is not kept up to date: poll() reports nothing, and the messages still arrive.
. "$(dirname "$0")/../support/script.sh"

cat >"$work/polls.c" <<'C'
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
int main(int count, char **arguments) {
  struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8 };
  char buffer[8];
  mqd_t mq = mq_open(arguments[count - 1], O_CREAT | O_RDWR, 0600, &attr);
  if (mq < 0 || mq_unlink(arguments[count - 1]) != 0) return perror("mq_open"), 1;
  struct pollfd polled = { .fd = mq, .events = POLLIN };
  if (mq_send(mq, "x", 1, 0) != 0) return perror("mq_send"), 1;
  int ready = poll(&polled, 1, 0);
  if (mq_receive(mq, buffer, 8, NULL) != 1) return perror("mq_receive"), 1;
  printf("%d\n", ready);
}
C
quietly $CC -O2 "$work/polls.c" -o "$work/polls" -lrt

polls() {
  env LD_PRELOAD="$STAGE/lib/librobustipc-posix.so" "$@" "$work/polls" "/ripc-test-$$-polls"
}
expect "the result of poll()" 1 "$(polls)"
expect "the result of poll() with never-polls" 0 "$(polls ROBUSTIPC_POSIX=never-polls)"
