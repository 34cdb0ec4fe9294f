#!/bin/sh
# The drop-in library exports the functions of <mqueue.h>, those that fortified programs call, and the functions of libc
# that it has to know about, and nothing else.
. "$(dirname "$0")/../support/script.sh"

library=$STAGE/lib/librobustipc-posix.so
# Machines with 32 bits have a second function for each that takes a time, and for some others.
wide=
if readelf -h "$library" | grep -q 'Class: *ELF32'; then
  wide="__epoll_pwait2_time64 __fcntl_time64 __ioctl_time64 __mq_timedreceive_time64 __mq_timedsend_time64 __ppoll64 __ppoll64_chk \
__pselect64 __select64 __sendmmsg64 __sendmsg64"
fi
# shellcheck disable=SC2086 # the names are many words
expect "the exports of librobustipc-posix.so" "$(printf '%s\n' $wide __mq_open_2 __poll_chk __ppoll_chk close close_range closefrom dup dup2 dup3 epoll_ctl epoll_pwait \
epoll_pwait2 epoll_wait fcntl fcntl64 ioctl mq_close mq_getattr mq_notify mq_open mq_receive mq_send \
mq_setattr mq_timedreceive mq_timedsend mq_unlink poll ppoll pselect select sendmmsg sendmsg syscall \
unshare | LC_ALL=C sort)" "$("$root/c-tests/support/exports.sh" "$library")"
