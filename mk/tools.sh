#!/bin/sh
# Prints one line for each missing tool, with the package to install:  tools.sh rust|cc|c++|pkg-config...
cd "$(dirname "$0")/.." || exit 1
: "${CARGO:=cargo}" "${CC:=cc}" "${CXX:=c++}" "${PKG_CONFIG:=pkg-config}"

status=0
missing() {
  echo "robustipc: $*" >&2
  status=1
}

# Whether a command, which may have arguments, can be executed.
has() {
  set -- $1
  command -v "$1" >/dev/null 2>&1
}

rust() {
  needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  has "$CARGO" || { missing "$CARGO is missing: install Rust $needed or newer"; return; }
  # A rustup without a toolchain has the commands, but they print no version.
  found=$("${RUSTC:-rustc}" --version 2>/dev/null | awk '{ print $2 }')
  [ -n "$found" ] || { missing "rustc does not run: install Rust $needed or newer"; return; }
  oldest=$(printf '%s\n%s\n' "$needed" "${found%%-*}" | sort -V | head -n 1)
  [ "$oldest" = "$needed" ] || missing "Rust $found is too old: install Rust $needed or newer"
}

# shellcheck disable=SC2086 # the compiler may have options
cplusplus() {
  if ! has "$CXX"; then
    missing "$CXX is missing: install a C++ compiler"
  elif ! echo '#include <atomic>' | $CXX -x c++ -fsyntax-only - >/dev/null 2>&1; then
    missing "$CXX cannot compile C++: install a C++ compiler with its library"
  fi
}

for tool in "$@"; do
  case $tool in
    rust) rust ;;
    cc) has "$CC" || missing "$CC is missing: install a C compiler" ;;
    c++) cplusplus ;;
    pkg-config) has "$PKG_CONFIG" || missing "$PKG_CONFIG is missing: install pkg-config" ;;
  esac
done
exit $status
