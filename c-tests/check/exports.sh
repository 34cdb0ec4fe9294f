#!/bin/sh
# The shared library exports exactly the committed list of symbols.
. "$(dirname "$0")/../support/script.sh"

library=$STAGE/lib/librobustipc.so.$version
"$root/c-tests/support/exports.sh" "$library" >"$work/found"
diff -u "$root/exports.txt" "$work/found" >&2 ||
  fail "the exports are not those in exports.txt: if that is meant, run make exports and commit it"

# Debian's list has the same symbols.
sed -n 's/^ \([a-z_0-9]*\)@Base .*/\1/p' "$root/packaging/debian/librobustipc0.1.symbols" >"$work/listed"
diff -u "$root/exports.txt" "$work/listed" >&2 || fail "Debian's list has other symbols: run mk/symbols.sh and commit it"

# The public and the private header declare all of them, each once, and nothing else.
sed -n 's/^[a-z].*[ *]\(ipc_[a-z0-9_]*\)(.*/\1/p' "$root/include/robustipc.h" "$root/src/ffi/private.h" |
  LC_ALL=C sort >"$work/declared"
diff -u "$root/exports.txt" "$work/declared" >&2 || fail "the headers declare other functions than the library exports"
quietly "$CC" -std=c99 $warnings -fsyntax-only -x c -I"$root/include" "$root/src/ffi/private.h"
cmp "$root/include/robustipc.h" "$STAGE/include/robustipc.h" >&2 || fail "another header is installed"
