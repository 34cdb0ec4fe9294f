#!/bin/sh
# stress-ng's message queue stressor reports no error, neither on the kernel's queues nor on the library's. It checks
# that it receives what it sent, with invalid arguments, signals and notifications in between.
. "$(dirname "$0")/../support/script.sh"

has stress-ng || skip "stress-ng is not installed"

# The run is limited by operations, not by time, so that a slow machine does the same work. On a failure it
# prints "fail:" and ends with a status of its own.
stress() {
  quietly "$@" stress-ng --mq 2 --mq-ops 20000 --mq-size 8 --verify --temp-path "$work"
  if grep -e "fail:" -e "error:" "$work/output" >&2; then
    fail "stress-ng complains"
  fi
  grep -q "successful run completed" "$work/output" || fail "stress-ng did not complete: $(cat "$work/output")"
}
stress env
library=$STAGE/lib/librobustipc-posix.so
if [ -e "$library" ]; then
  stress env LD_PRELOAD="$library"
fi
