# shellcheck shell=sh disable=SC2034 # the scripts that source this file use the variables
# What every test script needs: the paths of the build, a directory of its own, and failing with a reason.
#
# A test script sources this file:  . "$(dirname "$0")/../support/script.sh"
# make passes CC, CXX, PKG_CONFIG, MAKE and its build directory on. For a script that is run by hand the defaults do.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
: "${CC:=cc}" "${CXX:=c++}" "${PKG_CONFIG:=pkg-config}" "${MAKE:=make}" "${CARGO:=cargo}"
: "${TARGET:=$root/target}"
: "${STAGE:=$TARGET/stage}"
warnings="-Wall -Wextra -Wpedantic -Werror"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
soversion=${version%.*}

# The flags of a make that calls this script must not reach the makes that the script calls.
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

# Whether a command, which may have arguments, is installed.
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

# Fails unless two texts are equal: expect WHAT EXPECTED FOUND.
expect() {
  [ "$2" = "$3" ] || fail "$1: expected \"$2\", found \"$3\""
}

# pkg-config for the library that make has installed into its stage.
staged() {
  PKG_CONFIG_PATH=$STAGE/lib/pkgconfig $PKG_CONFIG "$@" robustipc
}
