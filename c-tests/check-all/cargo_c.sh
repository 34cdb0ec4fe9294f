#!/bin/sh
# cargo cinstall installs the same files as make install, with the same links, soname, pkg-config answers and manual.
# cargo cinstall does not install the drop-in for <mqueue.h>, which is a crate of its own.
. "$(dirname "$0")/../support/script.sh"

"$CARGO" capi --version >/dev/null 2>&1 || skip "cargo-c is not installed (cargo install cargo-c)"
cd "$root"
quietly "$CARGO" cinstall --locked --release --target-dir "$TARGET/cargo-c" \
  --prefix=/usr --libdir=/usr/lib --destdir="$work/cargo"
quietly "$MAKE" install CARGO="$CARGO" PREFIX=/usr DESTDIR="$work/make"

listed() {
  # Type, path, and where a link leads.
  (cd "$1" && find . ! -type d -printf '%y %p %l\n' | LC_ALL=C sort)
}
listed "$work/make" | grep -v librobustipc-posix >"$work/make.list"
listed "$work/cargo" >"$work/cargo.list"
diff -u "$work/make.list" "$work/cargo.list" >&2 || fail "cargo cinstall installs other files than make install"

for file in $(cd "$work/make" && find usr/include usr/share -type f); do
  cmp "$work/make/$file" "$work/cargo/$file" || fail "$file differs"
done
for installed in make cargo; do
  library=$work/$installed/usr/lib/librobustipc.so.$version
  readelf -d "$library" | grep -o 'SONAME.*' >"$work/$installed.soname"
  "$root/c-tests/support/exports.sh" "$library" >"$work/$installed.exports"
  # cargo-c lists libgcc_s too (see native_libraries.sh).
  for question in --modversion --cflags "--libs --static"; do
    # shellcheck disable=SC2086
    PKG_CONFIG_LIBDIR=$work/$installed/usr/lib/pkgconfig $PKG_CONFIG $question robustipc |
      tr ' ' '\n' | grep . | grep -vx -e -lgcc_s | LC_ALL=C sort -u
  done >"$work/$installed.answers"
done
for fact in soname exports answers; do
  diff -u "$work/make.$fact" "$work/cargo.$fact" >&2 || fail "the $fact differ"
done
