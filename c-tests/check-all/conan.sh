#!/bin/sh
# Conan builds the package from its recipe, and a program of five lines finds it with CMake and runs. Conan comes from PATH, or from PyPI
# into the folder of the build.
. "$(dirname "$0")/../support/script.sh"

has cmake && has cargo || skip "cmake or cargo is not installed"
conan=conan
if ! has conan; then
  conan=$TARGET/conan/venv/bin/conan
  if ! [ -x "$conan" ]; then
    has python3 || skip "neither conan nor python3 is installed"
    { python3 -m venv "$TARGET/conan/venv" && "$TARGET/conan/venv/bin/pip" install --quiet "conan>=2,<3"; } >"$work/output" 2>&1 || {
      rm -rf "$TARGET/conan/venv"
      skip "conan cannot be installed: $(tail -n 1 "$work/output")"
    }
  fi
fi

# Nothing of the user's Conan, and none of its servers.
CONAN_HOME=$work/home PYTHONDONTWRITEBYTECODE=1
export CONAN_HOME PYTHONDONTWRITEBYTECODE
# Conan finds out the compiler's version only if its name says which compiler it is.
unset CC CXX
quietly "$conan" profile detect
quietly "$conan" remote disable '*'
# Conan builds the program beside its source.
cp -R "$root/packaging/conan/test_package" "$work/test_package"
# The results of cargo's earlier builds are used again.
build="--test-folder=$work/test_package -c user.robustipc:target_dir=$TARGET/conan/target"
# shellcheck disable=SC2086
quietly "$conan" create "$root/packaging/conan" $build
# The static library comes from the same build.
# shellcheck disable=SC2086
quietly "$conan" create "$root/packaging/conan" $build -o "robustipc/*:shared=False"
"$conan" list "robustipc/$version#*:*" >"$work/output" 2>&1 || fail "conan lists no package"
expect "the number of packages" 2 "$(grep -c 'shared: ' "$work/output")"
