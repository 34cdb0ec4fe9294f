#!/bin/sh
# The scripts have no fault that shellcheck finds.
. "$(dirname "$0")/../support/script.sh"

has shellcheck || skip "shellcheck is not installed"
cd "$root"
# Only warnings and errors: the lower levels are about style. -P finds the common part beside the scripts.
git ls-files '*.sh' .ci/run | xargs shellcheck -S warning -x -P SCRIPTDIR >&2 || fail "shellcheck complains"
