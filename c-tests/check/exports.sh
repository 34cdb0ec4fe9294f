#!/bin/sh
# The shared library exports exactly the committed list of symbols, and stripped it stays small.
. "$(dirname "$0")/../support/script.sh"

library=$STAGE/lib/librobustipc.so.$version
"$root/c-tests/support/exports.sh" "$library" >"$work/found"
diff -u "$root/exports.txt" "$work/found" >&2 ||
  fail "the exports are not those in exports.txt: if that is meant, run make exports and commit it"

# The public and the private header declare them all, each once, and nothing else.
sed -n 's/^[a-z].*[ *]\(ipc_[a-z0-9_]*\)(.*/\1/p' "$STAGE/include/robustipc.h" "$root/src/ffi/private.h" |
  LC_ALL=C sort >"$work/declared"
diff -u "$root/exports.txt" "$work/declared" >&2 || fail "the headers declare other functions than the library exports"
"$CC" -std=c99 -Wall -Wextra -fsyntax-only -x c -I"$STAGE/include" "$root/src/ffi/private.h" ||
  fail "the private header does not compile"

size=$("$root/c-tests/support/stripped_size.sh" "$library")
[ "$size" -lt 524288 ] || fail "the stripped library has $size bytes; expected less than 524288"
