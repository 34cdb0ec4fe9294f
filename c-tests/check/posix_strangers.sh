#!/bin/sh
# A user who creates the names of the drop-in's queues beforehand gets no message of another user, and does not keep
# that user's calls from returning.
. "$(dirname "$0")/../support/script.sh"

# shellcheck disable=SC2046 # several words
quietly $CC -std=c11 -D_GNU_SOURCE $warnings -O2 "$root/c-tests/posix/strangers/strangers.c" -o "$work/strangers" \
  $(staged --cflags --libs) -lrt "-Wl,-rpath,$STAGE/lib"
status=0
LD_PRELOAD="$STAGE/lib/librobustipc-posix.so" "$work/strangers" >"$work/output" 2>&1 || status=$?
cat "$work/output" >&2
[ "$status" != 77 ] || skip "$(tail -n 1 "$work/output" | sed 's/^skipped: //')"
[ "$status" = 0 ] || fail "strangers ended with $status"
