#!/bin/sh
# The scripts are sound, as far as shellcheck tells.
. "$(dirname "$0")/../support/script.sh"

has shellcheck || skip "shellcheck is not installed"
cd "$root"
# Warnings and errors; what is below is taste. The common part is found beside the scripts (-P).
git ls-files '*.sh' .ci/run | xargs shellcheck -S warning -x -P SCRIPTDIR >&2 || fail "shellcheck complains"
