#!/bin/sh
# The gateway of examples/gateway is built against the installed library, as its Makefile builds it. Its daemons are killed, and
# nothing is torn, lost or leaked. GATEWAY_KILLS sets the number of kills; kill.sh without a number kills 200 times.
. "$(dirname "$0")/../support/script.sh"

lines=$(cat "$root"/examples/gateway/* | wc -l)
[ "$lines" -lt 400 ] || fail "the gateway has $lines lines; expected fewer than 400"
cp -r "$root/examples/gateway" "$work/gateway"
# Two runs of this test do not share the names.
sed -i "s|\"/example-|\"/ripc-test-$$-|" "$work/gateway/gateway.h"
PKG_CONFIG_PATH=$STAGE/lib/pkgconfig
export PKG_CONFIG_PATH
quietly "$MAKE" -C "$work/gateway" CC="$CC" CFLAGS="-O2 -g $warnings"
export LD_LIBRARY_PATH="$STAGE/lib"
kills=${GATEWAY_KILLS:-15}
quietly timeout 300 "$work/gateway/kill.sh" "$kills"
grep -q "^$kills restarts, .*: torn 0, lost 0, leaked 0$" "$work/output" || {
  cat "$work/output" >&2
  fail "the gateway's last line is another one"
}
left=$(find /dev/shm -name "ripc-test-$$-*")
expect "what the gateway leaves in /dev/shm" "" "$left"
