#!/bin/sh
# A test runs every ported program: its expected output or a script stands beside it, or another program's script names
# it.
. "$(dirname "$0")/../support/script.sh"

for source in "$root"/c-tests/ported/*.c "$root"/c-tests/ported/*.cpp; do
  [ -e "$source" ] || continue
  base=${source%.*}
  [ -e "$base.expected" ] || [ -e "$base.sh" ] ||
    grep -qw "$(basename "$base")" "$root"/c-tests/ported/*.sh 2>/dev/null ||
    fail "$(basename "$source") has neither .expected nor .sh beside it: no test runs it"
done
