#!/bin/sh
# The drop-in library exports the functions of <mqueue.h>, those that fortified programs call, and the functions of libc
# that it has to know about, and nothing else.
. "$(dirname "$0")/../support/script.sh"

expect "the exports of librobustipc-posix.so" "__mq_open_2 __poll_chk __ppoll_chk close close_range closefrom dup dup2 dup3 epoll_ctl epoll_pwait \
epoll_pwait2 epoll_wait fcntl fcntl64 ioctl mq_close mq_getattr mq_notify mq_open mq_receive mq_send \
mq_setattr mq_timedreceive mq_timedsend mq_unlink poll ppoll pselect select sendmmsg sendmsg syscall \
unshare" \
  "$("$root/c-tests/support/exports.sh" "$STAGE/lib/librobustipc-posix.so" | tr '\n' ' ' | sed 's/ $//')"
