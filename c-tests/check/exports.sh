#!/bin/sh
# The shared library exports exactly the committed list of symbols.
. "$(dirname "$0")/../support/script.sh"

library=$STAGE/lib/librobustipc.so.$version
"$root/c-tests/support/exports.sh" "$library" >"$work/found"
diff -u "$root/exports.txt" "$work/found" >&2 ||
  fail "the exports are not those in exports.txt: if that is meant, run make exports and commit it"

# The headers declare all of them, and nothing else: the installed one, and a private one of the drop-in's.
find "$root/src" "$root/include" "$root/posix" -name '*.h' -exec sed -n 's/^[a-z].*[ *]\(ipc_[a-z0-9_]*\)(.*/\1/p' {} + |
  LC_ALL=C sort -u >"$work/declared"
diff -u "$root/exports.txt" "$work/declared" >&2 || fail "the headers declare other functions than the library exports"
cmp "$root/include/robustipc.h" "$STAGE/include/robustipc.h" >&2 || fail "another header is installed"
