#!/bin/sh
# The drop-in library exports the functions of <mqueue.h> and the one that fortified programs call, and nothing else.
. "$(dirname "$0")/../support/script.sh"

expect "the exports of librobustipc-posix.so" "__mq_open_2 mq_close mq_getattr mq_notify mq_open mq_receive mq_send \
mq_setattr mq_timedreceive mq_timedsend mq_unlink" \
  "$("$root/c-tests/support/exports.sh" "$STAGE/lib/librobustipc-posix.so" | tr '\n' ' ' | sed 's/ $//')"
