#!/bin/sh
# Libs.private in robustipc.pc is what rustc says a program linked to the static library needs, without libgcc_s: the
# compiler links that by itself, or libgcc_eh for -static, and libgcc_s has no static form.
. "$(dirname "$0")/../support/script.sh"

# A target directory of its own: the other tests use the libraries in the usual one at the same time.
cd "$root"
"$CARGO" rustc --locked --lib --no-default-features --crate-type staticlib --target-dir "$TARGET/native-libraries" \
  -- --print native-static-libs="$work/libraries" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "cargo rustc failed"; }
words() {
  tr ' ' '\n' | grep . | grep -vx -e -lgcc_s | LC_ALL=C sort -u | xargs
}
stated=$(sed -n 's/^Libs.private: //p' "$STAGE/lib/pkgconfig/robustipc.pc" | tr ' ' '\n' | LC_ALL=C sort -u | xargs)
expect "Libs.private" "$(words <"$work/libraries")" "$stated"
