#!/bin/sh
# Each program in examples/ is built against the installed library, as its Makefile builds it, and runs to its end. It leaves nothing.
. "$(dirname "$0")/../support/script.sh"

cp -r "$root/examples" "$work/examples"
# Two runs of this test do not share the names.
sed -i "s|\"/example-|\"/ripc-test-$$-|g" "$work"/examples/*.c "$work"/examples/*.cpp
PKG_CONFIG_PATH=$STAGE/lib/pkgconfig
export PKG_CONFIG_PATH
quietly "$MAKE" -C "$work/examples" CC="$CC" CXX="$CXX" CFLAGS="-O2 -g $warnings" CXXFLAGS="-O2 -g $warnings"
export LD_LIBRARY_PATH="$STAGE/lib"
count=0
for source in "$root"/examples/*.c "$root"/examples/*.cpp; do
  name=$(basename "$source")
  grep -q "^| $name |" "$root/examples/README.md" || fail "examples/README.md does not name $name"
  quietly timeout 100 "$work/examples/${name%.*}"
  count=$((count + 1))
done
[ "$count" -ge 12 ] || fail "there are only $count examples"
left=$(find /dev/shm -name "ripc-test-$$-*")
expect "what the examples leave in /dev/shm" "" "$left"
