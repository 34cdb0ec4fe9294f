# shellcheck shell=sh disable=SC2034 # the scripts that read this file use the variables
# For every test script: the paths of the build, a directory of its own, and functions that fail with a reason.
#
# A script reads it with:  . "$(dirname "$0")/../support/script.sh"
# make sets CC, CXX, PKG_CONFIG, MAKE, CARGO, TARGET and STAGE. The defaults serve a script that is run by hand.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
: "${CC:=cc}" "${CXX:=c++}" "${PKG_CONFIG:=pkg-config}" "${MAKE:=make}" "${CARGO:=cargo}"
: "${TARGET:=$root/target}"
: "${STAGE:=$TARGET/stage}"
warnings="-Wall -Wextra -Wpedantic -Werror"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
soversion=${version%.*}

# The options and directories of the make that runs this script are not for the makes that the script runs.
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR PREFIX LIBDIR INCLUDEDIR MANDIR

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

# Whether a command is installed; it may have arguments.
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

# pkg-config for the library as make installed it into its stage.
staged() {
  PKG_CONFIG_PATH=$STAGE/lib/pkgconfig $PKG_CONFIG "$@" robustipc
}
