#!/bin/sh
# The scripts are sound, as far as shellcheck tells.
. "$(dirname "$0")/../support/script.sh"

has shellcheck || skip "shellcheck is not installed"
cd "$root"
# The tests' common part is found where the script is, not where shellcheck runs.
git ls-files '*.sh' .ci/run | xargs shellcheck -x -P c-tests/check -e SC1091 >&2 || fail "shellcheck complains"
