#!/bin/sh
# With ROBUSTIPC_POSIX=strict, a program may close and poll its queues by machine code that makes system calls: a call
# notices at once that its descriptor was closed, and the kernel's poll shows the queue's state. Without it, the kernel's
# poll never shows less than the queue's state.
. "$(dirname "$0")/../support/script.sh"
if [ "$(uname -m)" != x86_64 ]; then
  echo "skipped: this test knows the machine code of x86-64 only"
  exit 77
fi

cat >"$work/bypasses.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static long raw(long number, long a, long b, long c) {
  register long d __asm__("r10") = 0;
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(d) : "rcx", "r11", "memory");
  return number;
}
static int state(mqd_t mq) {
  struct pollfd set = { .fd = mq, .events = POLLIN | POLLOUT };
  struct timespec now = { 0, 0 };
  raw(SYS_ppoll, (long)&set, 1, (long)&now);
  return set.revents;
}
int main(int count, char **arguments) {
  struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };
  char buffer[8];
  mqd_t mq = mq_open(arguments[count - 1], O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attr);
  if (mq < 0 || mq_unlink(arguments[count - 1]) != 0) return perror("mq_open"), 1;
  int states[4] = { state(mq) };
  for (int i = 1; i < 3; i++) {
    if (mq_send(mq, "x", 1, 0) != 0) return perror("mq_send"), 1;
    states[i] = state(mq);
  }
  while (mq_receive(mq, buffer, 8, NULL) == 1) continue;
  states[3] = state(mq);
  raw(SYS_close, mq, 0, 0);
  if (raw(SYS_dup, 0, 0, 0) != mq) return puts("another number"), 1;
  int result = mq_send(mq, "x", 1, 0);
  for (int i = 0; i < 4; i++) printf("%s%s ", states[i] & POLLIN ? "in" : "", states[i] & POLLOUT ? "out" : "");
  puts(result == 0 ? "sent" : errno == EBADF ? "EBADF" : "another error");
}
C
quietly $CC -O2 "$work/bypasses.c" -o "$work/bypasses" -lrt </dev/null

bypasses() {
  env LD_PRELOAD="$STAGE/lib/librobustipc-posix.so" "$@" "$work/bypasses" "/ripc-test-$$-bypasses" </dev/null
}
kernel=$("$work/bypasses" "/ripc-test-$$-bypasses" </dev/null)
expect "what the kernel's queue shows" "out inout in out EBADF" "$kernel"
expect "what is shown with strict" "$kernel" "$(bypasses ROBUSTIPC_POSIX=strict)"
expect "what is shown without strict" "inout inout inout inout" "$(bypasses | cut -d ' ' -f 1-4)"
