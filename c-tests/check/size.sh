#!/bin/sh
# The library loads with an old glibc: it needs no symbol that is newer than glibc 2.34, which moved most of libpthread into
# libc. Linked with an older glibc, it needs only that one (c-tests/platforms/userland.sh).
#
# The stripped shared library stays below 1.25 MiB. (The limit was 1 MiB before topics, services, cells, waitsets and private
# descriptors.) It also does not grow by more than 5 % above the size in size.txt
# unless that growth is intended. size.txt names the machine and the compiler of its figure. With another machine or
# compiler the figure is not compared.
. "$(dirname "$0")/../support/script.sh"

library=$STAGE/lib/librobustipc.so.$version
glibc=$("$root/mk/size.sh" --glibc "$library")
[ "$glibc" = none ] || [ "$(printf '%s\n2.34\n' "$glibc" | sort -V | tail -n 1)" = 2.34 ] ||
  fail "the library needs glibc $glibc; expected 2.34 at most"
bytes=$("$root/mk/size.sh" --bytes "$library")
[ "$bytes" -le 1310720 ] || fail "the stripped library has $bytes bytes; expected at most 1310720"

"$root/mk/size.sh" --record "$library" >"$work/record"
read -r machine compiler recorded <"$root/size.txt"
read -r machine_here compiler_here _ <"$work/record"
[ "$machine $compiler" = "$machine_here $compiler_here" ] || exit 0
[ "$((bytes * 100))" -le "$((recorded * 105))" ] || fail "the stripped library has $bytes bytes, more than 5 % above the \
$recorded in size.txt: see what takes them with make size; if that is meant, run make size-record and commit size.txt"
