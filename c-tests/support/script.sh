# shellcheck shell=sh disable=SC2034 # what is set here is used by those that read it
# What every test script needs: where things are, a directory of its own, and failing with a reason.
#
# A script is sourced into by:  . "$(dirname "$0")/../support/script.sh"
# make passes on CC, CXX, PKG_CONFIG, MAKE and where it builds; by hand the defaults do.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
: "${CC:=cc}" "${CXX:=c++}" "${PKG_CONFIG:=pkg-config}" "${MAKE:=make}" "${CARGO:=cargo}"
: "${TARGET:=$root/target}"
: "${STAGE:=$TARGET/stage}"
warnings="-Wall -Wextra -Wpedantic -Werror"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
soversion=${version%.*}

# A make that calls this script must not rule those that the script calls.
unset MAKEFLAGS MAKELEVEL MFLAGS

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# Whether a command, which may have arguments, is there.
has() {
  command -v "$1" >/dev/null 2>&1
}

# Runs a command whose output matters only if it fails.
quietly() {
  "$@" >"$work/output" 2>&1 || {
    cat "$work/output" >&2
    fail "failed: $*"
  }
}

# Two texts that have to be the same: expect WHAT EXPECTED FOUND.
expect() {
  [ "$2" = "$3" ] || fail "$1: expected \"$2\", found \"$3\""
}

# pkg-config for the library as make installed it into its stage.
staged() {
  PKG_CONFIG_PATH=$STAGE/lib/pkgconfig $PKG_CONFIG "$@" robustipc
}
